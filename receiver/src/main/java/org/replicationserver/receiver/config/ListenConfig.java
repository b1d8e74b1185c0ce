package org.replicationserver.receiver.config;

/**
 * Where agents are accepted.
 *
 * @param address {@code ::} is both families
 * @param port 0 for any free one
 * @param receiveBufferBytes of each connection, in the kernel
 * @param backlog connections that the kernel keeps until they are accepted
 */
public record ListenConfig(String address, int port, int receiveBufferBytes, int backlog) {}
