package org.replicationserver.receiver.config;

import java.time.Duration;
import java.util.Set;
import org.replicationserver.receiver.listener.TlsEngine;

/** X. */
public record TlsConfig(TlsEngine engine, Set<String> protocols, Duration handshakeTimeout, int certificateDays) {}
