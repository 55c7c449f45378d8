// Binding an acceptor to an endpoint: the same for every server of ours.
#pragma once

#include <fmt/format.h>

#include <boost/asio/ip/tcp.hpp>
#include <string>

#include "io/network.h"

namespace torc::io {

// Where it really listens. Error: the address is in use, or none of ours.
inline Result<Endpoint> listen(boost::asio::ip::tcp::acceptor& acceptor, const Endpoint& endpoint) {
  using boost::asio::ip::tcp;
  boost::system::error_code problem;
  tcp::resolver resolver(acceptor.get_executor());
  const auto found = resolver.resolve(endpoint.host, std::to_string(endpoint.port),
                                      tcp::resolver::passive | tcp::resolver::numeric_service, problem);
  if (problem) return Error{fmt::format("cannot resolve {}: {}", endpoint.host, problem.message())};
  const tcp::endpoint local = found.begin()->endpoint();
  acceptor.open(local.protocol(), problem);
  if (!problem) acceptor.set_option(tcp::acceptor::reuse_address(true), problem);
  if (!problem) acceptor.bind(local, problem);
  if (!problem) acceptor.listen(boost::asio::socket_base::max_listen_connections, problem);
  if (problem) return Error{fmt::format("cannot listen on {}: {}", endpoint.text(), problem.message())};
  return Endpoint{endpoint.host, acceptor.local_endpoint().port()};
}

}  // namespace torc::io
