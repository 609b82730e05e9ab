"""Where do bytes live? On the local disk, in obs:// and s3:// through boto3, or in gs://.

gs:// goes through TensorFlow. All stores have the same verbs.
"""

from algorithm.storage.folders import Synced, remove_folder, sync
from algorithm.storage.location import is_remote, local_path, store_name
from algorithm.storage.staging import stage_files, stage_in, stage_out, stager
from algorithm.storage.store_of import (
    children,
    copy,
    download_file,
    exists,
    glob,
    info,
    is_folder,
    list_files,
    read_bytes,
    remove,
    size_of,
    upload_file,
    walk,
    write_bytes,
)

__all__ = [
    "Synced",
    "children",
    "copy",
    "download_file",
    "exists",
    "glob",
    "info",
    "is_folder",
    "is_remote",
    "list_files",
    "local_path",
    "read_bytes",
    "remove",
    "remove_folder",
    "size_of",
    "stage_files",
    "stage_in",
    "stage_out",
    "stager",
    "store_name",
    "sync",
    "upload_file",
    "walk",
    "write_bytes",
]
