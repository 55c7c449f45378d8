// HMAC-SHA256 (OpenSSL), for those who prove a secret to each other.
#pragma once

#include "peer/handshake.h"

namespace torc::node {

peer::Mac hmac_sha256(ByteView key, ByteView data);

}  // namespace torc::node
