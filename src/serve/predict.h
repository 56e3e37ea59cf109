// The protocol of POST /predict, whatever form the question has.
//
//   multipart/form-data, field "image"       an image
//   image/jpeg, image/png, ...               an image, as the body itself
//   application/json {"image": base64}       an image
//   application/json {"inputs": {name: ..}}  nested numbers, for any model
//   application/json {"record": {..}} or {..}  named numbers, where the card says record
//
// Answers {"prediction", "confidence", "probabilities"} for classification, {"outputs": {..}} for
// other models, both for {"inputs"} (with "predictions", a list, for more rows than one).
// Threads: any. Limits: Limits.
#pragma once

#include "serve/dispatcher.h"

namespace arete::serve {

extern const Protocol kPredictProtocol;

}  // namespace arete::serve
