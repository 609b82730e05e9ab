"""Prints the operations that the TensorFlow it runs on knows: algorithm/export/tensorflow_2_6.txt.

    make runtime
    build/tensorflow-2.6.0/bin/python tests/export/older_runtimes/operations.py \
        > algorithm/export/tensorflow_2_6.txt

Runs on Python 3.7. Operations of data sets and those that a session makes for itself (their names
begin with an underscore) are left out: no exported graph holds them.
"""

import tensorflow as tf
from tensorflow.core.framework import op_def_pb2
from tensorflow.python.client import pywrap_tf_session


def registered():
    """The OpDef of every operation, by name."""
    content = pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList())
    operations = op_def_pb2.OpList.FromString(content).op
    kept = [op for op in operations if not op.name.startswith("_") and "Dataset" not in op.name]
    return sorted(kept, key=lambda op: op.name)


def allowed_values(attribute):
    """What the attribute is limited to, in words; empty where it is not."""
    allowed = attribute.allowed_values.list
    names = [tf.dtypes.as_dtype(number).name for number in allowed.type]
    return " ".join(sorted(names + [value.decode() for value in allowed.s]))


def main():
    """Print the sets of allowed values, then a line for each operation."""
    sets, lines = {}, []
    for op in registered():
        words = [op.name]
        for attribute in op.attr:
            word = attribute.name + ("?" if attribute.HasField("default_value") else "")
            values = allowed_values(attribute)
            if values:
                word += f"={sets.setdefault(values, len(sets))}"
            words.append(word)
        lines.append(" ".join(words))
    print("# Made by tests/export/older_runtimes/operations.py, which says how.")
    print("# NUMBER: VALUES; then OPERATION ATTRIBUTE..., with ? where it may be left out, with")
    print("# =NUMBER where only these values are allowed.")
    print(f"tensorflow {tf.__version__}")
    print(f"graph {tf.version.GRAPH_DEF_VERSION}")
    for values, number in sets.items():
        print(f"{number}: {values}")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
