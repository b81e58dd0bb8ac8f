"""Initial balances of the codes of a batch, and of the lines of an import."""

from core.errors import InvalidRequest
from core.message_languages import translate
from redemptions.balances.rules import parse_balance
from redemptions.codes import files
from redemptions.stored_values import StoredValue


def parse_batch_balance(text: str | None, value: StoredValue | None) -> int | None:
    """Return the initial balance of a batch's codes, if it has one of its own. Raises InvalidRequest."""
    if text is None:
        return None
    try:
        return parse_balance(text, value)
    except ValueError as error:
        raise InvalidRequest.field("balance", translate(error.args[0])) from error


def read_balance(row: files.Row, value: StoredValue | None) -> int | None:
    """Return the initial balance of a line of an import, if it has one. Raises ValueError with the reason."""
    text = row.cells.get(files.BALANCE)
    return parse_balance(text, value) if text else None


def find_balance_error(row: files.Row, value: StoredValue | None) -> str:
    """Return why the balance of a line is wrong; an empty text if it has none or a correct one."""
    try:
        read_balance(row, value)
    except ValueError as error:
        return translate(error.args[0])
    return ""
