# A training job in the platform's form. Built from the root of the repository, with a network:
#   docker build -f docker/training.Dockerfile -t efficientdet-training .
#   docker run --rm -v /data:/data efficientdet-training python -m algorithm train --data_url=/data/set --train_url=/data/out
# With a GPU: --build-arg TENSORFLOW='tensorflow[and-cuda]', and docker run --gpus all.
# Jobs have no network, so the image carries weights: the COCO weights of the models that WEIGHTS names, for instance
#   --build-arg WEIGHTS='efficientdet-d0 efficientdet-lite0', or --build-arg WEIGHTS= for none of them,
# and always the ImageNet backbones of lite0 to lite2, from which T0 to T2 start as well.
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
RUN pip install '.[pretrained]'
ARG WEIGHTS=efficientdet-d0
ENV EFFICIENTDET_CACHE=/opt/pretrained
RUN mkdir $EFFICIENTDET_CACHE \
 && for name in $WEIGHTS; do python -m algorithm weights fetch --model_name="$name" || exit; done

FROM python:3.11-slim-bookworm
# The platform runs jobs as this user.
RUN groupadd --gid 100 --non-unique ma-group && useradd --uid 1000 --gid 100 --create-home ma-user
COPY --from=build /opt/venv /opt/venv
COPY --from=build --chown=1000:100 /opt/pretrained /opt/pretrained
ENV PATH=/opt/venv/bin:$PATH EFFICIENTDET_CACHE=/opt/pretrained PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER ma-user
WORKDIR /home/ma-user
# The platform gives its own command (manifests/job-v2.json), which is this one; an ENTRYPOINT would stand before it.
# The exec form: SIGTERM reaches the job, which saves its state and ends with 143.
CMD ["python", "-m", "algorithm", "train"]
