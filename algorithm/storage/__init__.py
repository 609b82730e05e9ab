"""Where bytes live. Local paths pass through; obs:// and s3:// are copied from and to."""

from algorithm.storage.location import is_remote, local_path
from algorithm.storage.staging import remove, stage_files, stage_in, stage_out

__all__ = ["is_remote", "local_path", "remove", "stage_files", "stage_in", "stage_out"]
