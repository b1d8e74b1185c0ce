package org.replicationserver.receiver.software;

import java.math.BigInteger;
import java.net.InetAddress;
import java.net.Socket;
import java.net.UnknownHostException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.List;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;

/**
 * Trusts as another one does, and only whom a public address leads to. It looks at the address that the connection has, so that what DNS
 * says a moment later makes no difference; nothing but the handshake was sent by then. Any thread.
 */
final class PublicAddressTrust extends X509ExtendedTrustManager {
    /** Unique local addresses of IPv6, and the networks of IPv4 that no one reaches over the internet but the JDK has no question for. */
    private static final List<Network> NOT_PUBLIC = List.of(
            Network.of("fc00::", 7),
            Network.of("0.0.0.0", 8),
            Network.of("100.64.0.0", 10),
            Network.of("192.0.0.0", 24),
            Network.of("198.18.0.0", 15),
            Network.of("240.0.0.0", 4));

    /** In which an address of IPv4 is reached over IPv6: its last four bytes. */
    private static final Network NAT64 = Network.of("64:ff9b::", 96);

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

    private record Network(InetAddress first, int bits) {
        static Network of(String first, int bits) {
            return new Network(InetAddress.ofLiteral(first), bits);
        }

        boolean has(byte[] address) {
            byte[] prefix = first.getAddress();
            if (address.length != prefix.length) {
                return false;
            }
            int unused = 8 * prefix.length - bits;
            return new BigInteger(1, address).shiftRight(unused).equals(new BigInteger(1, prefix).shiftRight(unused));
        }
    }

    static boolean isPublic(InetAddress address) {
        byte[] bytes = address.getAddress();
        if (NAT64.has(bytes)) {
            return isPublic(ofIpv4(Arrays.copyOfRange(bytes, 12, 16)));
        }
        return NOT_PUBLIC.stream().noneMatch(network -> network.has(bytes))
                && !address.isAnyLocalAddress()
                && !address.isLoopbackAddress()
                && !address.isLinkLocalAddress()
                && !address.isSiteLocalAddress()
                && !address.isMulticastAddress();
    }

    private static InetAddress ofIpv4(byte[] bytes) {
        try {
            return InetAddress.getByAddress(bytes);
        } catch (UnknownHostException e) {
            throw new IllegalStateException("four bytes are an address", e);
        }
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
