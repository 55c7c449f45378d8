#include <fmt/format.h>

#include <algorithm>

#include "log/log.h"
#include "log/segment.h"

namespace torc::log {

struct Reader::State {
  io::Directory* directory;
  std::vector<Lsn> segments;  // first LSNs of those not opened yet, in order
  std::optional<Segment> segment;
  std::uint64_t offset = segment_header_bytes;  // of the next batch
  std::optional<BatchRecords> records;          // what is left of the batch before it
  Position at;  // of the last record that was gone through; its view is not known where a whole batch was skipped
  Lsn last;
  bool extended = false;  // what is known of segments and of the rest of this one is too old for the next batch

  bool next_segment_begins() const { return !segments.empty() && segments.front() == at.lsn.next(); }
  Result<void> list(Lsn after);
  Result<void> seek(Lsn first);
  Result<void> open_segment();
  Result<BatchHeader> header();
  Result<void> skip_to(Lsn first);
  Result<void> read_batch();
  RecordView step();
};

Result<void> Reader::State::list(Lsn after) {
  const auto names = directory->list();
  if (!names) return names.error();
  segments.clear();
  for (const std::string& name : *names) {
    if (const auto lsn = first_lsn(name); lsn && *lsn > after) segments.push_back(*lsn);
  }
  return {};
}

Result<void> Reader::State::open_segment() {
  const std::string name = segment_name(segments.front());
  auto opened = Segment::open(*directory, name);
  if (!opened) {
    if (directory->exists(name)) return opened.error();
    return Error{fmt::format("{} is no longer there", name), Error::Kind::unavailable};
  }
  const Position& previous = opened->header().previous;
  if (segment && (previous.lsn != at.lsn || previous.chain != at.chain)) {
    return opened->damaged(0, fmt::format("it does not go on from record {}", at.lsn.value));
  }
  segments.erase(segments.begin());
  segment = std::move(*opened);
  offset = segment_header_bytes;
  at = segment->header().previous;
  return {};
}

// Of the next batch, in the next segment if this one ends here.
Result<BatchHeader> Reader::State::header() {
  if (extended) {
    segment->forget();
    if (auto listed = list(segment->header().first()); !listed) return listed.error();
    extended = false;
  }
  if (next_segment_begins()) {
    if (auto opened = open_segment(); !opened) return opened.error();
  }
  const auto header = segment->look_for_header(offset);
  if (!header) return header.error();
  if (*header && (*header)->bytes() <= segment->bytes() - offset) {
    if ((*header)->first == at.lsn.next() && (*header)->previous_chain == at.chain) return **header;
    return segment->damaged(offset, fmt::format("a batch that does not follow record {}", at.lsn.value));
  }
  if (*header) return segment->damaged(offset, "a batch reaches past the end of the file");
  const auto bytes = segment->view(offset, std::min<std::uint64_t>(batch_header_bytes, segment->bytes() - offset));
  if (!bytes) return bytes.error();
  if (segments.empty() && std::ranges::all_of(*bytes, [](std::uint8_t byte) { return byte == 0; })) {
    return Error{fmt::format("the log ends with record {}", at.lsn.value)};
  }
  return segment->damaged(offset, fmt::format("the batch after record {} is bad", at.lsn.value));
}

// Over whole batches by their headers alone: the next one's header says what chain this one must have ended with.
Result<void> Reader::State::skip_to(Lsn first) {
  while (true) {
    const auto header_here = header();
    if (!header_here) return header_here.error();
    if (header_here->first.value + header_here->records > first.value) return {};
    const auto trailer = segment->view(offset + header_here->bytes() - batch_trailer_bytes, batch_trailer_bytes);
    if (!trailer) return trailer.error();
    at.lsn = Lsn{header_here->first.value + header_here->records - 1};
    at.chain = ByteReader(*trailer).u64();
    offset += header_here->bytes();
  }
}

Reader::Reader(std::unique_ptr<State> state) : state_(std::move(state)) {}
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;
Reader::~Reader() = default;

Result<void> Reader::State::seek(Lsn first) {
  if (auto listed = list(Lsn{}); !listed) return listed;
  const auto after = std::upper_bound(segments.begin(), segments.end(), first);
  if (after == segments.begin()) {
    return Error{fmt::format("record {} is no longer in the log", first.value), Error::Kind::unavailable};
  }
  segments.erase(segments.begin(), std::prev(after));
  if (auto opened = open_segment(); !opened) return opened;
  if (auto skipped = skip_to(first); !skipped) return skipped;
  // The first batch may begin before the first record.
  while (at.lsn.next() < first) {
    if (!records) {
      if (auto read = read_batch(); !read) return read;
    }
    step();
  }
  return {};
}

// The next record of the batch.
RecordView Reader::State::step() {
  const RecordView view = *records->next();
  if (records->left() == 0) records.reset();
  at = view.position;
  return view;
}

Result<void> Reader::State::read_batch() {
  const auto header_here = header();
  if (!header_here) return header_here.error();
  auto found = segment->look(offset);
  if (!found) return found.error();
  if (!found->records) {
    return segment->damaged(offset, fmt::format("the batch after record {} is bad", at.lsn.value));
  }
  records = found->records;
  offset += header_here->bytes();
  return {};
}

Result<Reader> Reader::open(io::Directory& directory, Lsn first, Lsn last) {
  auto state = std::make_unique<State>();
  state->directory = &directory;
  state->last = last;
  state->at.lsn = Lsn{first.value - 1};
  if (first <= last) {
    if (auto found = state->seek(first); !found) return found.error();
  }
  return Reader(std::move(state));
}

void Reader::extend(Lsn last) {
  if (last <= state_->last) return;
  state_->last = last;
  state_->extended = true;
}

Result<std::optional<Record>> Reader::next() {
  State& state = *state_;
  if (state.at.lsn >= state.last) return std::optional<Record>{};
  if (!state.segment) {
    if (auto found = state.seek(state.at.lsn.next()); !found) return found.error();
  }
  if (!state.records) {
    if (auto read = state.read_batch(); !read) return read.error();
  }
  const RecordView view = state.step();
  return std::optional(Record{view.position.view, view.position.lsn, view.position.chain,
                              Bytes(view.payload.begin(), view.payload.end())});
}

}  // namespace torc::log
