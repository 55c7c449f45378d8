// Two handshakes talk to each other, then one of them to somebody who recorded another conversation, mirrors what it
// hears, or knows another secret.
#include "peer/handshake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "peer/test_network.h"

namespace torc::peer {
namespace {

using testing::HasSubstr;

Introduction introduction(const std::string& name, std::string_view secret = "swordfish") {
  Introduction introduction;
  introduction.self = {name, Kind::node, Incarnation{1}, Boot{1}};
  introduction.cluster = "test";
  introduction.secret = bytes_of(secret);
  introduction.hmac = test_hmac;
  return introduction;
}

Frame frame(const Handshake::Said& said) { return {version_none, said.channel, said.payload}; }

struct Conversation {
  std::vector<Frame> of_dialer, of_acceptor;
  std::string error;  // of whoever found one first
};

Conversation talk(Handshake& dialer, Handshake& acceptor) {
  Conversation talk;
  talk.of_dialer.push_back(frame(dialer.begin()));
  while (true) {
    const auto answer = acceptor.received(talk.of_dialer.back());
    if (!answer) return talk.error = answer.error().message, talk;
    if (!*answer) return talk;
    talk.of_acceptor.push_back(frame(**answer));
    const auto next = dialer.received(talk.of_acceptor.back());
    if (!next) return talk.error = next.error().message, talk;
    if (!*next) return talk;
    talk.of_dialer.push_back(frame(**next));
  }
}

class HandshakeTest : public testing::Test {
 protected:
  Conversation talk_with(const Introduction& a, const Introduction& b) {
    dialer_.emplace(a, Role::dialer, 4, test_nonce(1));
    acceptor_.emplace(b, Role::acceptor, 0, test_nonce(2));
    return talk(*dialer_, *acceptor_);
  }
  const Introduction a_ = introduction("A"), b_ = introduction("B");
  std::optional<Handshake> dialer_, acceptor_;
};

TEST_F(HandshakeTest, two_that_share_a_secret_know_each_other) {
  const Conversation conversation = talk_with(a_, b_);
  EXPECT_EQ(conversation.error, "");
  EXPECT_TRUE(dialer_->done() && acceptor_->done());
  EXPECT_EQ(dialer_->other().self, b_.self);
  EXPECT_EQ(acceptor_->other().self, a_.self);
  EXPECT_EQ(acceptor_->other().dial, 4u);
  EXPECT_EQ(conversation.of_dialer.size(), 2u);
  EXPECT_EQ(conversation.of_acceptor.size(), 2u);
  EXPECT_NE(conversation.of_dialer[1].payload, conversation.of_acceptor[1].payload) << "the role is in it";
  EXPECT_LE(conversation.of_dialer[0].payload.size(), greeting_bytes_max);
}

TEST_F(HandshakeTest, without_a_secret_names_are_believed) {
  Introduction a = a_, b = b_;
  a.secret.clear();
  b.secret.clear();
  EXPECT_EQ(talk_with(a, b).error, "");
  EXPECT_TRUE(dialer_->done() && acceptor_->done());
}

TEST_F(HandshakeTest, a_secret_at_one_end_only_or_two_different_ones_are_told_apart) {
  Introduction without = a_;
  without.secret.clear();
  EXPECT_EQ(talk_with(without, b_).error, "A does not prove the secret that is configured here");
  without = b_;
  without.secret.clear();
  EXPECT_EQ(talk_with(a_, without).error, "A proves a secret, and none is configured here");
  EXPECT_EQ(talk_with(a_, introduction("B", "other")).error, "A has another secret");
  EXPECT_FALSE(dialer_->done() || acceptor_->done());
}

TEST_F(HandshakeTest, the_acceptor_has_to_prove_it_too) {
  Handshake dialer(a_, Role::dialer, 1, test_nonce(1));
  const Introduction guesses = introduction("B", "guess");
  Handshake false_b(guesses, Role::acceptor, 0, test_nonce(2));
  const auto hello = false_b.received(frame(dialer.begin()));
  ASSERT_TRUE(dialer.received(frame(**hello)));
  EXPECT_FALSE(dialer.done());
  Bytes guess(32, 7);
  EXPECT_EQ(dialer.received({version_none, Channel::proof, guess}).error().message, "B has another secret");
  EXPECT_FALSE(dialer.done());
}

TEST_F(HandshakeTest, a_recorded_conversation_proves_nothing_to_a_new_nonce) {
  const Conversation recorded = talk_with(a_, b_);
  ASSERT_EQ(recorded.error, "");
  Handshake acceptor(b_, Role::acceptor, 0, test_nonce(3));
  ASSERT_TRUE(acceptor.received(recorded.of_dialer[0]));
  EXPECT_EQ(acceptor.received(recorded.of_dialer[1]).error().message, "A has another secret");

  Handshake dialer(a_, Role::dialer, 4, test_nonce(4));
  ASSERT_TRUE(dialer.received(recorded.of_acceptor[0]));
  EXPECT_FALSE(dialer.received(recorded.of_acceptor[1]));

  // The very same nonces would: what makes them safe is that they are new.
  Handshake same(b_, Role::acceptor, 0, test_nonce(2));
  ASSERT_TRUE(same.received(recorded.of_dialer[0]));
  EXPECT_TRUE(same.received(recorded.of_dialer[1]));
}

TEST_F(HandshakeTest, a_proof_sent_back_to_its_maker_is_worth_nothing) {
  Handshake dialer(a_, Role::dialer, 1, test_nonce(1));
  Hello false_b = *decode_hello(dialer.begin().payload);
  false_b.self.name = "B";  // all else, the nonce too, is what the dialer said
  const auto proof = dialer.received({version_none, Channel::hello, encode(false_b)});
  ASSERT_TRUE(proof);
  EXPECT_EQ(dialer.received(frame(**proof)).error().message, "B has another secret");
}

TEST_F(HandshakeTest, every_bit_of_the_proof_and_every_field_of_the_hello_counts) {
  const auto outcome = [this](auto change_hello, auto change_proof) {
    Handshake dialer(a_, Role::dialer, 1, test_nonce(1));
    Handshake acceptor(b_, Role::acceptor, 0, test_nonce(2));
    Hello hello = *decode_hello(dialer.begin().payload);
    change_hello(hello);
    const auto answer = acceptor.received({version_none, Channel::hello, encode(hello)});
    auto proof = frame(**dialer.received(frame(**answer)));
    change_proof(proof.payload);
    return acceptor.received(proof).ok();
  };
  const auto same = [](auto&) {};
  EXPECT_TRUE(outcome(same, same));
  for (int bit = 0; bit < 256; ++bit) {
    EXPECT_FALSE(outcome(same, [bit](Bytes& proof) { proof[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8); }));
  }
  EXPECT_FALSE(outcome(same, [](Bytes& proof) { proof.pop_back(); }));
  EXPECT_FALSE(outcome(same, [](Bytes& proof) { proof.push_back(0); }));
  EXPECT_FALSE(outcome([](Hello& hello) { hello.self.name = "C"; }, same));
  EXPECT_FALSE(outcome([](Hello& hello) { hello.self.boot = Boot{9}; }, same));
  EXPECT_FALSE(outcome([](Hello& hello) { hello.self.incarnation = Incarnation{9}; }, same));
  EXPECT_FALSE(outcome([](Hello& hello) { hello.self.kind = Kind::control; }, same));
  EXPECT_FALSE(outcome([](Hello& hello) { hello.dial = 99; }, same));
  EXPECT_FALSE(outcome([](Hello& hello) { hello.versions.highest = 9; }, same)) << "nobody talks them down";
}

TEST_F(HandshakeTest, the_highest_common_version_is_spoken) {
  const auto agreed = [](Versions a, Versions b) -> int {
    Introduction one = introduction("A"), other = introduction("B");
    one.versions = a;
    other.versions = b;
    Handshake dialer(one, Role::dialer, 1, test_nonce(1));
    Handshake acceptor(other, Role::acceptor, 0, test_nonce(2));
    if (!talk(dialer, acceptor).error.empty()) return -1;
    EXPECT_EQ(dialer.version(), acceptor.version());
    return dialer.version();
  };
  EXPECT_EQ(agreed({1, 1}, {1, 1}), 1);
  EXPECT_EQ(agreed({1, 3}, {2, 5}), 3);
  EXPECT_EQ(agreed({2, 5}, {1, 3}), 3);
  EXPECT_EQ(agreed({1, 2}, {3, 4}), -1);
  EXPECT_EQ(agreed({3, 4}, {1, 2}), -1);
}

TEST_F(HandshakeTest, nothing_comes_after_the_end) {
  const Conversation conversation = talk_with(a_, b_);
  EXPECT_FALSE(acceptor_->received(conversation.of_dialer[1]));
  EXPECT_FALSE(acceptor_->received(conversation.of_dialer[0]));
}

}  // namespace
}  // namespace torc::peer
