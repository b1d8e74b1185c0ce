package org.replicationserver.integration;

import org.replicationserver.cert.Pin;

/** Where a server listens and what its agents pin. */
record Endpoint(int port, Pin pin) {
    static final String HOST = "127.0.0.1";

    String address() {
        return HOST + ":" + port;
    }
}
