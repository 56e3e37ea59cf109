"""FastAPI: an image's classes. uvicorn runs it; the engine holds the loop of its process, of which there are as many as cores."""
from fastapi import FastAPI, Request, Response
from image_model import ImageModel

app = FastAPI()
model = ImageModel()


@app.post("/predict")
async def predict(request: Request):
    return Response(model.answer(await request.body()), media_type="application/json")
