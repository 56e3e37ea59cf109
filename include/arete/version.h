// The version of the interface, for the preprocessor of C and C++. arete_version() of c.h says which library is loaded.
//
// Not for: the version of a model or of an engine.
// Threads: constants. Promise: programs built against MAJOR.MINOR run with every later library of the same MAJOR (while
// MAJOR is 0, of the same MINOR), whose file name carries that number (the SONAME). Structs grow at their end only.
#pragma once

#define ARETE_VERSION_MAJOR 0
#define ARETE_VERSION_MINOR 1
#define ARETE_VERSION_PATCH 0
#define ARETE_VERSION "0.1.0"
