// Name the text boxes of autocomplete fields, which Select2 leaves unnamed, after the labels of their fields.
"use strict";
function nameTextBoxes() {
  for (const select of document.querySelectorAll("select.admin-autocomplete")) {
    const box = document.getElementById(`select2-${select.id}-container`);
    const label = document.querySelector(`label[for="${select.id}"]`);
    if (box && label) box.setAttribute("aria-label", label.textContent.replace("*", "").trim());
  }
}
// jQuery is loaded by then, and calls its callbacks in order, so that Select2 has built the text boxes.
window.addEventListener("load", () => django.jQuery(nameTextBoxes));
