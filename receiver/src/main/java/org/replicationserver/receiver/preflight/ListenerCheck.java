package org.replicationserver.receiver.preflight;

import io.netty.util.NetUtil;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;
import org.replicationserver.cert.Pin;
import org.replicationserver.receiver.config.IoReason;
import org.replicationserver.receiver.config.ServerConfig;

/**
 * Whether agents find this server on its port, at one of the machine's own addresses: a handshake is begun, and ended as soon as the server
 * has shown its key, so that the server counts no more than a probe. Where no server runs, whether one could listen.
 */
final class ListenerCheck implements PreflightCheck {
    static final String NAME = "listener";

    private static final int TIMEOUT_MILLIS = 5000;

    private final InetAddress address;
    private final int port;
    private final Path pinFile;
    private final boolean serverRuns;

    ListenerCheck(InetAddress address, int port, Path certDirectory, boolean serverRuns) {
        this.address = address;
        this.port = port;
        this.pinFile = certDirectory.resolve(ServerConfig.IDENTITY + ".pin");
        this.serverRuns = serverRuns;
    }

    @Override
    public String name() {
        return NAME + " " + where();
    }

    private String where() {
        String host = NetUtil.toAddressString(address); // an IPv6 address in its short form, without the interface
        return (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
    }

    @Override
    public Finding look() {
        return serverRuns ? dial() : bind();
    }

    private Finding bind() {
        try (ServerSocket socket = new ServerSocket()) {
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(address, port));
            return Finding.ok("no server runs, and one could listen here");
        } catch (IOException e) {
            return Finding.fail(
                    "no server of this state.directory runs, and none could listen: " + e.getMessage(),
                    String.valueOf(e.getMessage()).contains("in use")
                            ? "End what listens on the port, or set listen.port and listen.address."
                            : "Set listen.address to one of this machine, and listen.port to one that the server's user may take.");
        }
    }

    private Finding dial() {
        Pin expected;
        try {
            expected = Pin.parse(Files.readString(pinFile).strip());
        } catch (IOException e) {
            return pinUnknown(IoReason.of(e, pinFile.toString()));
        } catch (IllegalArgumentException e) {
            return pinUnknown("it is no pin");
        }
        try {
            Pin shown = pinShown();
            if (shown == null) {
                return Finding.fail(
                        "connected, and no certificate is shown",
                        "Look what listens on the port, and at the log of the server.");
            }
            return shown.equals(expected)
                    ? Finding.ok("shows the pin of this server, " + shown)
                    : Finding.fail(
                            "shows pin " + shown + ", this server has " + expected,
                            "Look what listens on the port, or opens TLS on the way to it.");
        } catch (SilentException e) {
            return Finding.fail(
                    String.valueOf(e.getMessage()),
                    "Look whether the server is stopped or overloaded (its process, its log), or another program has the port.");
        } catch (IOException e) {
            return Finding.fail(
                    "cannot be reached: " + e.getMessage(),
                    "Look at listen.address, and at filters of this machine for TCP " + port + ".");
        }
    }

    private Finding pinUnknown(String why) {
        return Finding.fail(
                "which pin this server has cannot be told: " + pinFile + ": " + why,
                "Look at cert.directory, and run this as the user that the server runs as.");
    }

    private @Nullable Pin pinShown() throws IOException {
        try (Socket tcp = new Socket()) {
            tcp.connect(new InetSocketAddress(address, port), TIMEOUT_MILLIS);
            tcp.setSoTimeout(TIMEOUT_MILLIS);
            Looker looker = new Looker(tcp);
            try (SSLSocket tls = (SSLSocket)
                    looker.context().getSocketFactory().createSocket(tcp, address.getHostAddress(), port, true)) {
                tls.startHandshake();
            } catch (IOException e) {
                if (looker.shown == null) {
                    throw e instanceof SocketTimeoutException ? new SilentException(e) : e;
                }
            }
            return looker.shown;
        }
    }

    /** Connected, and nothing came. */
    private static final class SilentException extends IOException {
        private static final long serialVersionUID = 1L;

        SilentException(IOException cause) {
            super("connected, and nothing is said within " + TIMEOUT_MILLIS / 1000 + " s", cause);
        }
    }

    /** Takes the pin of the certificate that is shown and hangs up, so that no alert is sent and nothing is refused. */
    private static final class Looker extends X509ExtendedTrustManager {
        private final Socket tcp;
        private @Nullable Pin shown;

        Looker(Socket tcp) {
            this.tcp = tcp;
        }

        SSLContext context() throws IOException {
            try {
                SSLContext context = SSLContext.getInstance("TLS");
                context.init(null, new TrustManager[] {this}, null);
                return context;
            } catch (GeneralSecurityException e) {
                throw new IOException("the JDK has no TLS", e);
            }
        }

        private void take(X509Certificate[] chain) throws CertificateException {
            shown = Pin.of(chain[0]);
            try {
                tcp.close();
            } catch (IOException e) {
                throw new CertificateException(e);
            }
            throw new CertificateException("seen");
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
                throws CertificateException {
            take(chain);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
                throws CertificateException {
            take(chain);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType) throws CertificateException {
            take(chain);
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket)
                throws CertificateException {
            throw new CertificateException("no server is here");
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
                throws CertificateException {
            throw new CertificateException("no server is here");
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType) throws CertificateException {
            throw new CertificateException("no server is here");
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
