package org.replicationserver.harness;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.replicationserver.cert.Pin;

/**
 * Where a server listens and what its agents pin.
 *
 * @param splitsFrames whether agents put the first and the last byte of each frame in TLS records of their own, so that a connection can be cut
 *     next to where a frame begins or ends
 */
public record Endpoint(int port, Pin pin, boolean splitsFrames) {
    public static final String HOST = "127.0.0.1";

    public Endpoint(int port, Pin pin) {
        this(port, pin, false);
    }

    public InetSocketAddress socketAddress() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    }

    public String address() {
        return HOST + ":" + port;
    }

    public Endpoint splittingFrames() {
        return new Endpoint(port, pin, true);
    }
}
