"""Models as scikit-learn's exporter writes them, by hand: the ai.onnx.ml operators that the official cases leave out.

all_models() yields (name, (model, inputs, expected outputs)); nothing is expected of these but that they run alike.
"""

import numpy
from onnx import TensorProto, helper

ML = "ai.onnx.ml"
FLOAT, INT64, STRING, DOUBLE, INT32 = (TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING, TensorProto.DOUBLE,
                                       TensorProto.INT32)
ROWS = 5


def model_of(nodes, inputs, outputs, initializers=(), ml_version=3):
    """inputs: name -> array; outputs: (name, dtype, shape)."""
    types = [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype)
                                           if array.dtype.kind != "O" else STRING, ["N", *array.shape[1:]])
             for name, array in inputs.items()]
    results = [output if not isinstance(output, tuple) else helper.make_tensor_value_info(*output) for output in outputs]
    graph = helper.make_graph(nodes, "ml", types, results, list(initializers))
    imports = [helper.make_opsetid("", 17), helper.make_opsetid(ML, ml_version)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8), list(inputs.values()), []


def ml_node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs, outputs, domain=ML, **attributes)


def floats(columns, seed=1):
    return numpy.random.default_rng(seed).uniform(-2, 2, (ROWS, columns)).astype(numpy.float32)


def tree_nodes(trees):
    """Nodes of complete trees of depth 2, as a TreeEnsemble wants them: 0 splits to 1 and 2, those to the leaves 3 to 6."""
    generator = numpy.random.default_rng(7)
    rows = {"treeids": [], "nodeids": [], "featureids": [], "values": [], "modes": [], "truenodeids": [],
            "falsenodeids": [], "hitrates": [], "missing_value_tracks_true": []}
    for tree in range(trees):
        for node in range(7):
            leaf = node > 2
            rows["treeids"].append(tree)
            rows["nodeids"].append(node)
            rows["featureids"].append(0 if leaf else int(generator.integers(0, 4)))
            rows["values"].append(0.0 if leaf else float(numpy.float32(generator.uniform(-1, 1))))
            rows["modes"].append("LEAF" if leaf else "BRANCH_LEQ")
            rows["truenodeids"].append(0 if leaf else 2 * node + 1)
            rows["falsenodeids"].append(0 if leaf else 2 * node + 2)
            rows["hitrates"].append(1.0)
            rows["missing_value_tracks_true"].append(0)
    return {f"nodes_{key}": value for key, value in rows.items()}


def tree_leaves(trees, targets, prefix):
    generator = numpy.random.default_rng(8)
    places = [(tree, leaf, target) for tree in range(trees) for leaf in range(3, 7) for target in range(targets)]
    return {f"{prefix}_treeids": [place[0] for place in places], f"{prefix}_nodeids": [place[1] for place in places],
            f"{prefix}_ids": [place[2] for place in places],
            f"{prefix}_weights": [float(numpy.float32(generator.uniform(0, 1))) for _ in places]}


def trees():
    x = {"x": floats(4)}
    for transform in ("NONE", "SOFTMAX", "LOGISTIC"):
        node = ml_node("TreeEnsembleClassifier", ["x"], ["label", "scores"], classlabels_int64s=[0, 1, 2],
                       post_transform=transform, **tree_nodes(3), **tree_leaves(3, 3, "class"))
        yield f"tree_classifier_{transform.lower()}", model_of([node], x, [("label", INT64, ["N"]),
                                                                          ("scores", FLOAT, ["N", 3])])
    node = ml_node("TreeEnsembleClassifier", ["x"], ["label", "scores"], classlabels_strings=["low", "mid", "high"],
                   **tree_nodes(3), **tree_leaves(3, 3, "class"))
    yield "tree_classifier_strings", model_of([node], x, [("label", STRING, ["N"]), ("scores", FLOAT, ["N", 3])])
    for aggregate in ("SUM", "AVERAGE", "MIN", "MAX"):
        node = ml_node("TreeEnsembleRegressor", ["x"], ["y"], n_targets=2, aggregate_function=aggregate,
                       base_values=[0.5, -0.5], **tree_nodes(4), **tree_leaves(4, 2, "target"))
        yield f"tree_regressor_{aggregate.lower()}", model_of([node], x, [("y", FLOAT, ["N", 2])])


def linear():
    x = {"x": floats(3)}
    weights = [float(value) for value in floats(9, 2).ravel()[:9]]
    for transform in ("NONE", "SOFTMAX", "LOGISTIC"):
        node = ml_node("LinearClassifier", ["x"], ["label", "scores"], classlabels_ints=[3, 5, 7], coefficients=weights,
                       intercepts=[0.1, 0.2, 0.3], multi_class=0, post_transform=transform)
        yield f"linear_classifier_{transform.lower()}", model_of([node], x, [("label", INT64, ["N"]),
                                                                            ("scores", FLOAT, ["N", 3])])
    node = ml_node("LinearRegressor", ["x"], ["y"], coefficients=weights[:6], intercepts=[1.0, 2.0], targets=2)
    yield "linear_regressor", model_of([node], x, [("y", FLOAT, ["N", 2])])


def support_vectors():
    x = {"x": floats(3)}
    vectors = [float(value) for value in floats(3, 3).ravel()[:12]]
    for kernel in ("RBF", "LINEAR", "POLY", "SIGMOID"):
        node = ml_node("SVMClassifier", ["x"], ["label", "scores"], classlabels_ints=[0, 1], coefficients=[1.0, -1, 0.5, -0.5],
                       kernel_params=[0.5, 0.1, 2.0], kernel_type=kernel, rho=[0.1], support_vectors=vectors,
                       vectors_per_class=[2, 2], post_transform="NONE")
        yield f"svm_classifier_{kernel.lower()}", model_of([node], x, [("label", INT64, ["N"]), ("scores", FLOAT, ["N", 2])])
    node = ml_node("SVMRegressor", ["x"], ["y"], coefficients=[1.0, -1, 0.5, -0.5], kernel_params=[0.5, 0.1, 2.0],
                   kernel_type="RBF", n_supports=4, rho=[0.25], support_vectors=vectors)
    yield "svm_regressor", model_of([node], x, [("y", FLOAT, ["N", 1])])


def preparation():
    x = {"x": floats(3)}
    node = ml_node("Scaler", ["x"], ["y"], offset=[0.1, 0.2, 0.3], scale=[2.0, 0.5, 3.0])
    yield "scaler", model_of([node], x, [("y", FLOAT, ["N", 3])])
    for norm in ("L1", "L2", "MAX"):
        yield f"normalizer_{norm.lower()}", model_of([ml_node("Normalizer", ["x"], ["y"], norm=norm)], x,
                                                     [("y", FLOAT, ["N", 3])])
    yield "binarizer", model_of([ml_node("Binarizer", ["x"], ["y"], threshold=0.25)], x, [("y", FLOAT, ["N", 3])])
    holes = x["x"].copy()
    holes[1, 2] = holes[3, 0] = numpy.nan
    node = ml_node("Imputer", ["x"], ["y"], imputed_value_floats=[0.5, 1.5, 2.5], replaced_value_float=float("nan"))
    yield "imputer", model_of([node], {"x": holes}, [("y", FLOAT, ["N", 3])])
    node = ml_node("FeatureVectorizer", ["a", "b"], ["y"], inputdimensions=[3, 2])
    yield "feature_vectorizer", model_of([node], {"a": floats(3), "b": floats(2, 4)}, [("y", FLOAT, ["N", 5])])
    picked = helper.make_tensor("columns", INT64, [2], [2, 0])
    node = ml_node("ArrayFeatureExtractor", ["x", "columns"], ["y"])
    yield "array_feature_extractor", model_of([node], x, [("y", FLOAT, ["N", 2])], [picked])


def categories():
    codes = numpy.array([[2], [0], [1], [9], [2]], numpy.int64)
    words = numpy.array([["b"], ["a"], ["c"], ["?"], ["b"]], object)
    yield "one_hot_encoder_ints", model_of([ml_node("OneHotEncoder", ["x"], ["y"], cats_int64s=[0, 1, 2], zeros=1)],
                                           {"x": codes}, [("y", FLOAT, ["N", 1, 3])])
    yield "one_hot_encoder_strings", model_of([ml_node("OneHotEncoder", ["x"], ["y"], cats_strings=["a", "b", "c"], zeros=1)],
                                              {"x": words}, [("y", FLOAT, ["N", 1, 3])])
    node = ml_node("LabelEncoder", ["x"], ["y"], keys_int64s=[0, 1, 2], values_floats=[0.5, 1.5, 2.5], default_float=-1.0)
    yield "label_encoder_to_floats", model_of([node], {"x": codes}, [("y", FLOAT, ["N", 1])])
    node = ml_node("LabelEncoder", ["x"], ["y"], keys_strings=["a", "b", "c"], values_int64s=[10, 20, 30], default_int64=-1)
    yield "label_encoder_of_strings", model_of([node], {"x": words}, [("y", INT64, ["N", 1])])
    node = ml_node("CategoryMapper", ["x"], ["y"], cats_strings=["a", "b", "c"], cats_int64s=[0, 1, 2], default_int64=-1)
    yield "category_mapper_of_strings", model_of([node], {"x": words}, [("y", INT64, ["N", 1])])
    node = ml_node("CategoryMapper", ["x"], ["y"], cats_strings=["a", "b", "c"], cats_int64s=[0, 1, 2], default_string="?")
    yield "category_mapper_of_ints", model_of([node], {"x": codes}, [("y", STRING, ["N", 1])])


def pipelines():
    """A classifier as it is exported with its preparation, with and without ZipMap; Cast and Identity as exporters leave them."""
    x = {"x": floats(3)}
    weights = [float(value) for value in floats(9, 2).ravel()[:9]]
    nodes = [ml_node("Imputer", ["x"], ["filled"], imputed_value_floats=[0.0, 0.0, 0.0], replaced_value_float=float("nan")),
             ml_node("Scaler", ["filled"], ["scaled"], offset=[0.1, 0.2, 0.3], scale=[2.0, 0.5, 3.0]),
             helper.make_node("Identity", ["scaled"], ["same"]),
             ml_node("LinearClassifier", ["same"], ["raw_label", "raw"], classlabels_ints=[3, 5, 7], coefficients=weights,
                     intercepts=[0.1, 0.2, 0.3], post_transform="SOFTMAX"),
             helper.make_node("Identity", ["raw_label"], ["label"])]
    last = ml_node("Normalizer", ["raw"], ["scores"], norm="L1")
    yield "pipeline", model_of([*nodes, last], x, [("label", INT64, ["N"]), ("scores", FLOAT, ["N", 3])])
    maps = helper.make_sequence_type_proto(helper.make_map_type_proto(
        INT64, helper.make_tensor_type_proto(FLOAT, [])))
    zipped = ml_node("ZipMap", ["raw"], ["scores"], classlabels_int64s=[3, 5, 7])
    yield "pipeline_zipmap", model_of([*nodes, zipped], x, [("label", INT64, ["N"]), helper.make_value_info("scores", maps)])


def all_models():
    for family in (trees, linear, support_vectors, preparation, categories, pipelines):
        yield from family()
