// The words of a global transaction, with their numbers. Clients see them too, so they stand with the public headers.
#pragma once

#include "torc/codes.h"
