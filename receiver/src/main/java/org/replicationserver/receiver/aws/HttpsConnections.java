package org.replicationserver.receiver.aws;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Authenticator;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.PasswordAuthentication;
import java.net.Proxy;
import java.net.URI;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.Locale;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.http.urlconnection.ProxyConfiguration;
import software.amazon.awssdk.http.urlconnection.UrlConnectionFactory;

/**
 * Opens HTTPS connections, directly or through the proxy that the SDK's rules name: {@code https.proxyHost} and its like, else {@code
 * HTTPS_PROXY} and {@code NO_PROXY}. Any thread.
 *
 * <p>The SDK's own connections send the name and the password of a proxy to the server behind it, and never to the proxy, which the JDK
 * asks an {@link Authenticator} for. Here there is one, for proxies alone.
 */
public final class HttpsConnections implements UrlConnectionFactory {
    static {
        // The JDK would not give a proxy a password in clear, which is all that proxies ask for; who sets this decides.
        String property = "jdk.http.auth.tunneling.disabledSchemes";
        if (System.getProperty(property) == null) {
            System.setProperty(property, "");
        }
    }

    private final SSLSocketFactory tls;
    private final int connectTimeoutMillis;
    private final int silenceTimeoutMillis;
    private final ProxyConfiguration proxy =
            ProxyConfiguration.builder().scheme("https").build();
    private final @Nullable Authenticator authenticator = proxy.username() == null ? null : new ProxyPassword();

    /** Whether the connection that this thread opens has given the password: a proxy that asks again does not want it. */
    private final ThreadLocal<Boolean> told = ThreadLocal.withInitial(() -> false);

    /** @param silenceTimeout an answer whose next byte takes longer fails */
    public HttpsConnections(TrustManager trust, Duration connectTimeout, Duration silenceTimeout) {
        this.tls = socketFactory(trust);
        this.connectTimeoutMillis = Math.toIntExact(connectTimeout.toMillis());
        this.silenceTimeoutMillis = Math.toIntExact(silenceTimeout.toMillis());
    }

    private static SSLSocketFactory socketFactory(TrustManager trust) {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, new TrustManager[] {trust}, null);
            return context.getSocketFactory();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("the JDK has no TLS", e);
        }
    }

    @Override
    public HttpURLConnection createConnection(URI uri) {
        told.set(false);
        InetSocketAddress by = proxyTo(uri);
        Proxy way = by == null ? Proxy.NO_PROXY : new Proxy(Proxy.Type.HTTP, by);
        try {
            HttpsURLConnection connection = (HttpsURLConnection) uri.toURL().openConnection(way);
            connection.setSSLSocketFactory(tls);
            connection.setConnectTimeout(connectTimeoutMillis);
            connection.setReadTimeout(silenceTimeoutMillis);
            if (authenticator != null) {
                connection.setAuthenticator(authenticator);
            }
            return connection;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The proxy on the way to an address, not resolved, or null if the way is direct. */
    public @Nullable InetSocketAddress proxyTo(URI uri) {
        String host = uri.getHost().toLowerCase(Locale.ROOT);
        boolean isDirect =
                proxy.host() == null || proxy.nonProxyHosts().stream().anyMatch(host::matches);
        return isDirect ? null : InetSocketAddress.createUnresolved(proxy.host(), proxy.port());
    }

    private final class ProxyPassword extends Authenticator {
        @Override
        protected @Nullable PasswordAuthentication getPasswordAuthentication() {
            if (getRequestorType() != RequestorType.PROXY || told.get()) {
                return null;
            }
            told.set(true);
            String password = proxy.password();
            return new PasswordAuthentication(
                    proxy.username(), password == null ? new char[0] : password.toCharArray());
        }
    }
}
