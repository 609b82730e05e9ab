# The online service in the platform's form: port 8080, POST /, GET /health. Built from the root of the repository, with a model folder:
#   docker build -f docker/inference.Dockerfile -t detector .
#   docker run --rm -p 8080:8080 -v OUT/model:/home/mind/model/1:ro detector
FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /src
COPY pip-requirements.txt .
# What the service imports: the twin needs flask, waitress, pillow, numpy, rich and prometheus-client, the handler TensorFlow for CPU,
# half the size of the whole one.
RUN grep -E '^(numpy|pillow|flask|waitress|prometheus-client|rich)' pip-requirements.txt > serving.txt \
 && grep -E '^tensorflow' pip-requirements.txt | sed 's/^tensorflow/tensorflow-cpu/' >> serving.txt \
 && pip install -r serving.txt
COPY pyproject.toml setup.py README.md ./
COPY algorithm algorithm
COPY customize_service customize_service
RUN pip install --no-deps .

FROM python:3.11-slim-bookworm
RUN groupadd --gid 100 --non-unique ma-group && useradd --uid 1000 --gid 100 --create-home ma-user
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER ma-user
WORKDIR /home/ma-user
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/health', timeout=2)"]
# The exec form: SIGTERM reaches the server, which answers on for 60 s and then ends with 0. Stop with --time 95.
STOPSIGNAL SIGTERM
CMD ["python", "-m", "algorithm", "serve", "--model_dir", "/home/mind/model/1", "--host", "0.0.0.0", "--port", "8080"]
