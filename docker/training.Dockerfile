# A training job in the platform's form. Built from the root of the repository:
#   docker build -f docker/training.Dockerfile -t efficientdet-training .
#   docker run --rm -v /data:/data efficientdet-training --data_url=/data/set --train_url=/data/out --model_name=efficientdet-lite0
# With a GPU: --build-arg TENSORFLOW='tensorflow[and-cuda]', and docker run --gpus all.
FROM python:3.11-slim-bookworm AS build
ARG TENSORFLOW=tensorflow
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /src
# The dependencies first: they change less often than the code.
COPY pip-requirements.txt .
RUN pip install -r pip-requirements.txt "$TENSORFLOW"
COPY pyproject.toml setup.py README.md ./
COPY algorithm algorithm
COPY customize_service customize_service
RUN pip install --no-deps .

FROM python:3.11-slim-bookworm
# The platform runs jobs as this user.
RUN groupadd --gid 100 --non-unique ma-group && useradd --uid 1000 --gid 100 --create-home ma-user
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER ma-user
WORKDIR /home/ma-user
# The exec form: SIGTERM reaches the job, which saves its state and ends with 143.
ENTRYPOINT ["python", "-m", "algorithm", "train"]
