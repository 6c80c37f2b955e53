// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/stage.h"

#include "smtpgate/gate/worker.h"

namespace smtpgate {

Stage::Stage(Worker& worker, std::unique_ptr<Connection> connection)
    : worker_(worker), connection_(std::move(connection)) {}

Stage::~Stage() {
  HF_CHECK(connection_ == nullptr, "a stage ended with its connection unaccounted for");
}

hf::Loop& Stage::loop() const { return worker_.loop(); }

std::unique_ptr<Connection> Stage::leave() {
  loop().forget(this);
  std::unique_ptr<Connection> connection = std::move(connection_);
  worker_.end(*this);
  return connection;
}

void Stage::watch_client(uint32_t events) {
  if (connection_->watched) {
    loop().rewatch(connection_->fd.get(), events, this);
  } else {
    // Fails only where the kernel is out of memory or watches; the stage's deadline then ends it.
    connection_->watched = loop().watch(connection_->fd.get(), events, this).has_value();
  }
}

}  // namespace smtpgate
