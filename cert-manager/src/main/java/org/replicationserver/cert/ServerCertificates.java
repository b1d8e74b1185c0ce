package org.replicationserver.cert;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import javax.net.ssl.X509ExtendedKeyManager;

/**
 * The identity that the server shows now. Any thread.
 *
 * <p>This is the place of rotation. {@link #replace} is its middle step: the next pin has already reached the control
 * plane and the agents, and the old one is withdrawn later. A key manager shows one identity for as long as it lives,
 * because a TLS engine asks it for the certificate and for the key one after the other; so a change reaches new
 * handshakes only when a listener puts the new {@link #keyManager} into the TLS options of the port. Sessions that are
 * open stay on the identity that they began with.
 */
public final class ServerCertificates {
    private final List<Consumer<Identity>> listeners = new CopyOnWriteArrayList<>();
    private volatile Identity current;

    public ServerCertificates(Identity first) {
        this.current = first;
    }

    public Identity current() {
        return current;
    }

    public X509ExtendedKeyManager keyManager() {
        return current.keyManager();
    }

    /** The listener is called by the thread that replaces the identity, with the new one, and must not block. */
    public void onChange(Consumer<Identity> listener) {
        listeners.add(listener);
    }

    /** Serialized, so that the last identity a listener hears of is the current one. */
    public synchronized void replace(Identity next) {
        current = next;
        listeners.forEach(listener -> listener.accept(next));
    }
}
