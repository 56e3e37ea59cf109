// Arete in C++, all of it: open and run models (model.h), read what they hold and optimize them (optimize.h).
//
// C programs include arete/c.h and arete/c_optimize.h.
// Threads, ownership and errors: each header says.
#pragma once

#ifndef __cplusplus
#error "arete/arete.h is C++; include arete/c.h and arete/c_optimize.h in C"
#endif

#include "arete/model.h"
#include "arete/optimize.h"
