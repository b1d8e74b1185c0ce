/**
 * The server as a whole against real clients over real TLS: a Python client that was written from the specification alone,
 * {@code openssl s_client}, and {@link org.replicationserver.integration.RawAgent}, which does what a test tells it.
 */
package org.replicationserver.integration;
