package org.replicationserver.integration;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.replicationserver.cert.Pin;

/** Where a server listens and what its agents pin. */
record Endpoint(int port, Pin pin) {
    static final String HOST = "127.0.0.1";

    InetSocketAddress socketAddress() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    }

    String address() {
        return HOST + ":" + port;
    }
}
