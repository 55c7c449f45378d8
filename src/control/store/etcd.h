// The control store in an etcd (3.4 or later), through its JSON gateway; torc-control serves the same paths
// (store_server.h). Several endpoints: the one that answered last is asked first, the next one when it does not.
//
// Reads and changes are linearizable: etcd answers them once a majority has agreed. A member that has lost the majority
// says so at once ("no leader") and the next one is asked.
#pragma once

#include <vector>

#include "control/store/keyed_store.h"
#include "io/network.h"

namespace torc::control {

struct EtcdOptions {
  std::vector<io::Endpoint> endpoints;  // at least one; plain HTTP
  StoreNames names = {};
  Milliseconds connect_within{250};
  Milliseconds answer_within{1000};
  Milliseconds watch_within{500};  // how long a watch that says nothing is believed before the key is read again
  std::size_t answer_bytes_max = 1024 * 1024;
};

class EtcdStore final : public KeyedStore {
 public:
  explicit EtcdStore(const EtcdOptions& options);
};

}  // namespace torc::control
