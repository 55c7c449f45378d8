#include "control/report.h"

#include <algorithm>
#include <cassert>

namespace torc::control {

namespace {

constexpr std::uint8_t format_version = 1;

enum Flag : std::uint8_t {
  writable = 1,
  disk_moves = 2,
  cut_tail = 4,
  damaged = 8,
  rebuilding = 16,
  all_flags = 31,
};

std::uint8_t flags_of(const Report& report) {
  std::uint8_t flags = 0;
  if (report.writable) flags |= writable;
  if (report.disk_moves) flags |= disk_moves;
  if (report.cut_tail) flags |= cut_tail;
  if (report.damaged) flags |= damaged;
  if (report.rebuilding) flags |= rebuilding;
  return flags;
}

void write(ByteWriter& out, Milliseconds span) {
  out.u32(static_cast<std::uint32_t>(std::clamp(span, Milliseconds{0}, unknown_span).count()));
}

Milliseconds read_span(ByteReader& in) { return Milliseconds{in.u32()}; }

std::string read_name(ByteReader& in) {
  const std::uint32_t size = in.u32();
  if (size > reported_name_bytes_max) in.fail();
  return std::string(in.text(in.ok() ? size : 0));
}

std::uint32_t read_count(ByteReader& in) {
  const std::uint32_t count = in.u32();
  if (count > reported_nodes_max) in.fail();
  return in.ok() ? count : 0;
}

void write(ByteWriter& out, const Report& report) {
  out.string(report.member.node);
  out.u64(report.member.incarnation.value);
  out.u64(report.boot.value);
  out.u64(report.sequence);
  write(out, report.up_for);
  out.u64(report.highest_view_seen.value);
  out.string(report.cluster_id);
  out.u64(report.sealed.value);
  out.u64(report.end.view.value);
  out.u64(report.end.lsn.value);
  out.u64(report.end.chain);
  out.u64(report.replicated.value);
  out.u8(static_cast<std::uint8_t>(report.role));
  out.u64(report.role_view.value);
  out.u64(report.progress);
  write(out, report.progress_age);
  write(out, report.behind);
  out.u8(flags_of(report));
  assert(report.links.size() <= reported_nodes_max);
  out.u32(static_cast<std::uint32_t>(report.links.size()));
  for (const LinkReport& link : report.links) {
    out.string(link.peer);
    write(out, link.heard_age);
    write(out, link.round_trip);
  }
}

Report read_report(ByteReader& in) {
  Report report;
  report.member.node = read_name(in);
  report.member.incarnation = Incarnation{in.u64()};
  report.boot = Boot{in.u64()};
  report.sequence = in.u64();
  report.up_for = read_span(in);
  report.highest_view_seen = View{in.u64()};
  report.cluster_id = read_name(in);
  report.sealed = View{in.u64()};
  report.end.view = View{in.u64()};
  report.end.lsn = Lsn{in.u64()};
  report.end.chain = in.u64();
  report.replicated = Lsn{in.u64()};
  const std::uint8_t role = in.u8();
  if (role > static_cast<std::uint8_t>(Report::Role::learner)) in.fail();
  report.role = in.ok() ? static_cast<Report::Role>(role) : Report::Role::idle;
  report.role_view = View{in.u64()};
  report.progress = in.u64();
  report.progress_age = read_span(in);
  report.behind = read_span(in);
  const std::uint8_t flags = in.u8();
  if (flags > all_flags) in.fail();
  report.writable = (flags & writable) != 0;
  report.disk_moves = (flags & disk_moves) != 0;
  report.cut_tail = (flags & cut_tail) != 0;
  report.damaged = (flags & damaged) != 0;
  report.rebuilding = (flags & rebuilding) != 0;
  for (std::uint32_t left = read_count(in); left > 0 && in.ok(); --left) {
    LinkReport link;
    link.peer = read_name(in);
    link.heard_age = read_span(in);
    link.round_trip = read_span(in);
    report.links.push_back(std::move(link));
  }
  return report;
}

}  // namespace

void encode(const Reports& value, Bytes& bytes) {
  assert(value.reports.size() <= reported_nodes_max);
  ByteWriter out(bytes);
  out.u8(format_version);
  out.u32(static_cast<std::uint32_t>(value.reports.size()));
  for (const Relayed& relayed : value.reports) {
    write(out, relayed.age);
    write(out, relayed.report);
  }
}

Result<Reports> decode_reports(ByteView bytes) {
  ByteReader in(bytes);
  if (in.u8() != format_version) return Error{"reports of an unknown format version", Error::Kind::invalid};
  Reports value;
  for (std::uint32_t left = read_count(in); left > 0 && in.ok(); --left) {
    Relayed relayed;
    relayed.age = read_span(in);
    relayed.report = read_report(in);
    value.reports.push_back(std::move(relayed));
  }
  if (!in.done()) return Error{"the reports do not parse", Error::Kind::invalid};
  return value;
}

}  // namespace torc::control
