#include "node/hmac.h"

#include <openssl/hmac.h>

namespace torc::node {

peer::Mac hmac_sha256(ByteView key, ByteView data) {
  peer::Mac mac{};
  unsigned size = 0;
  ::HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), data.data(), data.size(), mac.data(), &size);
  return mac;
}

}  // namespace torc::node
