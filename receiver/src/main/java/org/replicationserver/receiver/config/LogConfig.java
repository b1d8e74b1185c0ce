package org.replicationserver.receiver.config;

import org.replicationserver.receiver.log.LogFormat;
import org.replicationserver.receiver.log.LogLevel;

/** How log lines look, and which there are. */
public record LogConfig(LogFormat format, LogLevel level) {}
