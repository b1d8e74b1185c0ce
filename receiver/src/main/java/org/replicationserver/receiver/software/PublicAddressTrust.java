package org.replicationserver.receiver.software;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.Socket;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;

/**
 * Trusts as another one does, and only whom a public address leads to. It looks at the address that the connection has, so that what DNS
 * says a moment later makes no difference; nothing but the handshake was sent by then. Any thread.
 */
final class PublicAddressTrust extends X509ExtendedTrustManager {
    private static final int UNIQUE_LOCAL_MASK = 0xfe;
    private static final int UNIQUE_LOCAL = 0xfc;

    private final X509ExtendedTrustManager rules;

    PublicAddressTrust(X509ExtendedTrustManager rules) {
        this.rules = rules;
    }

    /** The connection leads to an address that is not public. */
    static final class PrivateAddressException extends CertificateException {
        private static final long serialVersionUID = 1;

        private final String address;

        PrivateAddressException(InetAddress address) {
            super("not a public address: " + address.getHostAddress());
            this.address = address.getHostAddress();
        }

        String address() {
            return address;
        }

        /** Null if what has ended a connection is none. */
        static @Nullable PrivateAddressException in(Throwable thrown) {
            for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
                if (cause instanceof PrivateAddressException found) {
                    return found;
                }
            }
            return null;
        }
    }

    static boolean isPublic(InetAddress address) {
        boolean isUniqueLocal =
                address instanceof Inet6Address && (address.getAddress()[0] & UNIQUE_LOCAL_MASK) == UNIQUE_LOCAL;
        return !address.isAnyLocalAddress()
                && !address.isLoopbackAddress()
                && !address.isLinkLocalAddress()
                && !address.isSiteLocalAddress()
                && !address.isMulticastAddress()
                && !isUniqueLocal;
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
            throws CertificateException {
        InetAddress address = socket.getInetAddress();
        if (!isPublic(address)) {
            throw new PrivateAddressException(address);
        }
        rules.checkServerTrusted(chain, authType, socket);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
            throws CertificateException {
        throw withoutSocket();
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType) throws CertificateException {
        throw withoutSocket();
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket)
            throws CertificateException {
        throw withoutSocket();
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
            throws CertificateException {
        throw withoutSocket();
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType) throws CertificateException {
        throw withoutSocket();
    }

    private static CertificateException withoutSocket() {
        return new CertificateException("only servers are trusted, by the socket that leads to them");
    }

    @Override
    public X509Certificate[] getAcceptedIssuers() {
        return rules.getAcceptedIssuers();
    }
}
