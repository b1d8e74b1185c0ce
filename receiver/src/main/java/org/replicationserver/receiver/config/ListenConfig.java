package org.replicationserver.receiver.config;
/** X. */
public record ListenConfig(String address, int port, int receiveBufferBytes, int backlog) {}
