// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/handoff.h"

#include <utility>

#include "smtpgate/gate/greeted.h"
#include "smtpgate/gate/pass_stage.h"
#include "smtpgate/gate/relay_opening.h"
#include "smtpgate/gate/worker.h"

namespace smtpgate {
namespace {

/// Clients that nothing but a few seconds of silence speaks for.
bool is_stranger(const Connection& connection) {
  switch (connection.verdict.reason) {
    case Reason::kAllowList:
    case Reason::kKnownGood:
    case Reason::kSkipScore: return false;
    default: return true;
  }
}

/// Starts the hand-over to one backend; leaves `connection` alone if that one is not for it.
bool try_backend(Worker& worker, std::unique_ptr<Connection>& connection,
                 const std::shared_ptr<Backends>& backends, size_t index) {
  Backend& backend = *backends->all()[index];
  const bool stranger = is_stranger(*connection);
  const bool greeted = connection->greeting == Connection::Greeting::kComplete;
  if (!backend.passes_descriptor()) {
    if (stranger && !greeted)
      worker.begin<Greeted>(std::move(connection)).start();
    else
      worker.begin<RelayOpening>(std::move(connection), backends, index).start();
    return true;
  }
  // A server greets by itself, so it cannot take over a client that has its greeting.
  if (greeted) return false;
  const int64_t slots = connection->config().backend.stranger_slots;
  Strangers& strangers = worker.shared().strangers;
  if (stranger && !strangers.enter(connection->peer, connection->server, slots,
                                   worker.loop().now_ms()))
    return false;
  worker.begin<PassStage>(std::move(connection), backends, index).start();
  return true;
}

}  // namespace

void hand_off(Worker& worker, std::unique_ptr<Connection> connection) {
  // The next to hear of this socket may be another process, and it shares the registration.
  if (std::exchange(connection->watched, false))
    worker.loop().unwatch(connection->fd.get(), nullptr);
  hand_off_from(worker, std::move(connection), 0);
}

void hand_off_from(Worker& worker, std::unique_ptr<Connection> connection, size_t first) {
  const std::shared_ptr<Backends> backends = worker.policy().backends;
  // First those whose last probe succeeded, then, rather than refuse, the others.
  for (const bool up : {true, false})
    for (size_t i = first; i < backends->all().size(); ++i)
      if (backends->all()[i]->up() == up && try_backend(worker, connection, backends, i)) return;
  worker.refuse(std::move(connection), Reason::kBackendDown);
}

}  // namespace smtpgate
