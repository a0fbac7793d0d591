# The gateway alone. Settings, journal and store live in the volume at /data.
FROM python:3.12-slim

RUN useradd --create-home --uid 1000 majordomo \
 && install -d -o majordomo -g majordomo -m 0700 /data
WORKDIR /app

# What changes seldom comes first: the locked requirements are a layer of their own.
COPY requirements.txt ./
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt

COPY pyproject.toml README.md LICENSE ./
COPY capture ./capture
COPY routers ./routers
COPY trainer ./trainer
COPY gateway ./gateway
RUN pip install --no-cache-dir --disable-pip-version-check --no-build-isolation --no-deps .

USER majordomo
ENV MAJORDOMO_HOME=/data
VOLUME /data
EXPOSE 8300
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["python", "-c", \
  "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8300/livez', timeout=2)"]

# Reachable from outside the container, so it refuses to start before a key was made.
ENTRYPOINT ["majordomo"]
CMD ["up", "--host", "0.0.0.0", "--port", "8300"]
