"""MLServer's runtime for the same model."""
import numpy as np
import onnxruntime
from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput


class Tensor(MLModel):
    async def load(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(self.settings.parameters.uri, options, providers=["CPUExecutionProvider"])
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        asked = payload.inputs[0]
        answer = self.session.run(["y"], {asked.name: np.array(asked.data.root, np.float32).reshape(asked.shape)})[0]
        return InferenceResponse(model_name=self.name, outputs=[
            ResponseOutput(name="y", shape=list(answer.shape), datatype="FP32", data=answer.ravel().tolist())])
