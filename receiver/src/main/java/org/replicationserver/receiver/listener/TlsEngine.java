package org.replicationserver.receiver.listener;

import io.vertx.core.net.JdkSSLEngineOptions;
import io.vertx.core.net.OpenSSLEngineOptions;
import io.vertx.core.net.SSLEngineOptions;

/** Which implementation of TLS does the work. */
public enum TlsEngine {
    /** BoringSSL where its native library loads, the JDK's engine otherwise. */
    AUTO,
    /** BoringSSL through netty-tcnative: about three quarters of the JDK engine's CPU per byte. */
    OPENSSL,
    JDK;

    /**
     * The engine to use, never AUTO.
     *
     * @throws IllegalStateException when OPENSSL is asked for and its native library does not load
     */
    public TlsEngine resolve() {
        boolean available = OpenSSLEngineOptions.isAvailable();
        if (this == OPENSSL && !available) {
            throw new IllegalStateException(
                    "tls.engine=openssl, but the native library of netty-tcnative does not load on this machine;"
                            + " allowed are auto, jdk");
        }
        return this == AUTO ? (available ? OPENSSL : JDK) : this;
    }

    /** Vert.x's options for the resolved engine; sessions are never kept. */
    public SSLEngineOptions toOptions() {
        return resolve() == OPENSSL
                ? new OpenSSLEngineOptions().setSessionCacheEnabled(false)
                : new JdkSSLEngineOptions();
    }

    /**
     * Turns off what the engines offer and this protocol forbids; must run before the first TLS context of the process is made, be
     * it Netty's or the JDK's. Of BoringSSL it turns off tickets, which Netty would hand out as soon as TLS 1.3 is enabled;
     * renegotiation it does not know.
     */
    public static void forbidResumptionAndRenegotiation() {
        System.setProperty("jdk.tls.rejectClientInitiatedRenegotiation", "true");
        System.setProperty("jdk.tls.server.enableSessionTicketExtension", "false");
        System.setProperty("jdk.tls.server.newSessionTicketCount", "0");
    }
}
