package org.replicationserver.harness;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.replicationserver.cert.Pin;

/** Where a server listens and what its agents pin. */
public record Endpoint(int port, Pin pin) {
    public static final String HOST = "127.0.0.1";

    public InetSocketAddress socketAddress() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    }

    public String address() {
        return HOST + ":" + port;
    }
}
