"""Flask: an image's classes. gunicorn runs it."""
from flask import Flask, Response, request
from image_model import ImageModel

app = Flask(__name__)
model = ImageModel()


@app.post("/predict")
def predict():
    return Response(model.answer(request.get_data(cache=False)), mimetype="application/json")
