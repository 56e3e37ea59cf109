"""LitServe: an image's classes, from two workers.   litserve_image.py PORT WORKERS"""
import sys
from typing import Annotated

import litserve
from fastapi import Body, Response
from image_model import ImageModel


class Classes(litserve.LitAPI):
    def setup(self, device):
        self.model = ImageModel()

    def decode_request(self, request: Annotated[bytes, Body(media_type="image/jpeg")]):
        return request

    def predict(self, jpeg):
        return self.model.answer(jpeg)

    def encode_response(self, answer):
        return Response(answer, media_type="application/json")


if __name__ == "__main__":
    server = litserve.LitServer(Classes(api_path="/predict"), accelerator="cpu", devices=1, workers_per_device=int(sys.argv[2]), timeout=False)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), log_level="error", generate_client_file=False, access_log=False)
