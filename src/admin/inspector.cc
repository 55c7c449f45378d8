#include "admin/inspector.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <string_view>
#include <vector>

#include "admin/answer.h"
#include "admin/http_client.h"
#include "admin/http_target.h"
#include "admin/table.h"

namespace torc::admin {

namespace json = boost::json;

namespace {

constexpr std::size_t page_most = 1'000;  // what a node shows at once
constexpr std::size_t lock_key_characters = 60;
constexpr std::size_t reason_characters = 80;

std::string transactions_text(const json::object& found, bool ended) {
  using enum Table::Align;
  Table table({{"XID"},
               {"STATUS"},
               {ended ? "TOOK" : "AGE", right},
               {"BRANCHES", right},
               {"APPLICATION"},
               {"NAME"},
               {"REASON"}});
  for (const json::object* t : objects(found, "transactions")) {
    const std::string reason = text(*t, "reason");
    table.add({text(*t, "xid"), text(*t, "status"), span(*t, ended ? "took_ms" : "age_ms"), text(*t, "branch_count"),
               text(*t, "application"), text(*t, "name"), reason == "-" ? "" : one_line(reason, reason_characters)});
  }
  if (table.empty()) return ended ? "No such transaction has ended lately.\n" : "No such transaction is open.\n";
  std::string out = table.text();
  if (!ended && found.contains("next")) {
    out += fmt::format("\nThere are more: {} transactions are open. --limit N shows N.\n", text(found, "open"));
  }
  return out;
}

std::string transaction_text(const json::object& t) {
  Facts facts;
  facts.add("xid", text(t, "xid"));
  facts.add("status", text(t, "status"));
  facts.add("reason", text(t, "reason"));
  facts.add("name", text(t, "name"));
  facts.add("application", text(t, "application"));
  facts.add("group", text(t, "group"));
  facts.add("begun", text(t, "begun"));
  facts.add(flag(t, "ended") ? "ended" : "changed", text(t, "changed"));
  facts.add("age", span(t, "age_ms"));
  facts.add("took", span(t, "took_ms"));
  facts.add("timeout", span(t, "timeout_ms"));
  if (text(t, "details") == "forgotten") facts.add("details", "forgotten; only the outcome is still known");
  facts.add("branches", text(t, "branch_count"));
  std::string out = facts.text();

  Table table({{"BRANCH"}, {"TYPE"}, {"STATUS"}, {"RESOURCE"}, {"CLIENT"}, {"LOCK KEY"}});
  for (const json::object* branch : objects(t, "branches")) {
    const std::string key = text(*branch, "lock_key");
    table.add({text(*branch, "id"), text(*branch, "type"), text(*branch, "status"), text(*branch, "resource"),
               text(*branch, "client"), key == "-" ? "" : one_line(key, lock_key_characters)});
  }
  return table.empty() ? out : out + "\n" + table.text();
}

std::string locks_text(const json::object& found) {
  Table table({{"RESOURCE"}, {"TABLE"}, {"KEY"}, {"HELD BY"}, {"BRANCH"}, {"SINCE"}, {""}});
  const auto locks = objects(found, "locks");
  for (const json::object* lock : locks) {
    table.add({text(*lock, "resource"), text(*lock, "table"), text(*lock, "key"), text(*lock, "xid"),
               text(*lock, "branch"), text(*lock, "since"), flag(*lock, "rolling_back") ? "rolling back" : ""});
  }
  if (table.empty()) return "No row is locked.\n";
  std::string out = table.text();
  if (number(found, "held") > static_cast<std::int64_t>(locks.size())) {
    out += fmt::format("\nThese are {} of {}.\n", locks.size(), text(found, "held"));
  }
  return out;
}

std::string clients_text(const json::object& found) {
  using enum Table::Align;
  Table table(
      {{"ID", right}, {"PEER"}, {"APPLICATION"}, {"GROUP"}, {"ROLE"}, {"VERSION"}, {"OPEN", right}, {"RESOURCES"}});
  const auto connections = objects(found, "connections");
  for (const json::object* client : connections) {
    const bool tm = flag(*client, "tm"), rm = flag(*client, "rm");
    std::string resources;
    const json::value* list = client->if_contains("resources");
    if (list != nullptr && list->is_array()) {
      for (const json::value& resource : list->as_array()) {
        if (!resource.is_string()) continue;
        if (!resources.empty()) resources += ", ";
        resources += std::string_view(resource.as_string().data(), resource.as_string().size());
      }
    }
    table.add({text(*client, "id"), text(*client, "peer"), text(*client, "application"), text(*client, "group"),
               tm && rm ? "TM+RM"
               : tm     ? "TM"
               : rm     ? "RM"
                        : "-",
               text(*client, "version"), text(*client, "open_requests"), resources});
  }
  if (table.empty()) return "No client is connected.\n";
  std::string out = table.text();
  if (number(found, "connected") > static_cast<std::int64_t>(connections.size())) {
    out += fmt::format("\nThese are {} of {}.\n", connections.size(), text(found, "connected"));
  }
  return out;
}

// "view 5: A with backup B", and "forming" until it serves.
std::string view_text(const json::object& view) {
  return fmt::format("view {}: {} {}{}", text(view, "view"), text(view, "primary"),
                     view.contains("backup") ? "with backup " + text(view, "backup") : "alone",
                     flag(view, "serving") ? "" : ", forming");
}

std::string bytes_text(const json::object& object, std::string_view key) {
  const std::string found = text(object, key);
  return found == "-" ? found : found + " bytes";
}

std::string status_text(const json::object& found) {
  Facts facts;
  facts.add("node", text(found, "node"));
  facts.add("version", text(found, "version"));
  facts.add("health", text(found, "health"));
  facts.add("view", fmt::format("{}{}", text(found, "view"), flag(found, "serving") ? ", serving" : ", not serving"));
  facts.add("role", text(found, "role"));
  if (const json::value* in_force = found.if_contains("in_force"); in_force != nullptr && in_force->is_object()) {
    facts.add("ring", view_text(in_force->as_object()));
  }
  facts.add("last record", text(found, "last_lsn"));
  facts.add("replicated", text(found, "replicated_lsn"));
  facts.add("backup lacks", bytes_text(found, "backup_lacks_bytes"));
  facts.add("open transactions", text(found, "open_transactions"));
  facts.add("locked rows", text(found, "locks_held"));
  facts.add("connections", text(found, "connections"));
  facts.add("started", text(found, "started"));
  facts.add("up", span(found, "uptime_ms"));
  return facts.text();
}

}  // namespace

Result<json::object> Inspector::get(const std::string& target) const {
  return object_in(http_get(node_, target, within_), node_);
}

Result<std::string> Inspector::transactions(const TransactionFilter& filter, Form form) const {
  json::object all;
  json::array list;
  std::string from;
  while (true) {
    const std::size_t wanted = std::min(filter.limit - list.size(), page_most);
    std::string target = fmt::format("/v1/transactions?limit={}", wanted);
    if (!filter.status.empty()) target += "&status=" + percent_encoded(filter.status);
    if (filter.ended) target += "&ended=true";
    if (!from.empty()) target += "&from=" + percent_encoded(from);
    auto page = get(target);
    if (!page) return page.error();

    if (json::value* more = page->if_contains("transactions"); more != nullptr && more->is_array()) {
      std::move(more->as_array().begin(), more->as_array().end(), std::back_inserter(list));
    }
    all = *std::move(page);
    const std::string next = text(all, "next");
    // A node that names the same place again would keep us here for ever.
    if (next == "-" || next == from || list.size() >= filter.limit) break;
    from = next;
  }
  all["transactions"] = std::move(list);
  return form == Form::json ? as_json(all) : transactions_text(all, filter.ended);
}

Result<std::string> Inspector::transaction(const std::string& xid, Form form) const {
  auto found = get("/v1/transactions/" + percent_encoded(xid));
  if (!found) return found.error();
  return form == Form::json ? as_json(*found) : transaction_text(*found);
}

Result<std::string> Inspector::locks(std::size_t limit, Form form) const {
  auto found = get(fmt::format("/v1/locks?limit={}", std::min(limit, page_most)));
  if (!found) return found.error();
  return form == Form::json ? as_json(*found) : locks_text(*found);
}

Result<std::string> Inspector::clients(std::size_t limit, Form form) const {
  auto found = get(fmt::format("/v1/connections?limit={}", std::min(limit, page_most)));
  if (!found) return found.error();
  return form == Form::json ? as_json(*found) : clients_text(*found);
}

Result<std::string> Inspector::status(Form form) const {
  auto found = get("/v1/status");
  if (!found) return found.error();
  return form == Form::json ? as_json(*found) : status_text(*found);
}

}  // namespace torc::admin
