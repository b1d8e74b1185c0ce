package org.replicationserver.receiver.preflight;

import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.UnknownHostException;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLPeerUnverifiedException;
import org.replicationserver.receiver.aws.HttpsConnections;
import org.replicationserver.receiver.aws.HttpsTrust;
import org.replicationserver.receiver.aws.RefusedCertificateException;
import org.replicationserver.receiver.log.PeerText;

/**
 * Whether a service on port 443 can be reached: its name, TCP, TLS, and that HTTP is spoken. Any answer does, whatever its status: what is
 * asked is not signed.
 */
final class EndpointCheck implements PreflightCheck {
    private final String name;
    private final URI endpoint;
    private final HttpsConnections connections;
    private final HttpsTrust trust;

    EndpointCheck(String name, URI endpoint, HttpsConnections connections, HttpsTrust trust) {
        this.name = name;
        this.endpoint = endpoint;
        this.connections = connections;
        this.trust = trust;
    }

    @Override
    public String name() {
        return name;
    }

    private String way() {
        InetSocketAddress proxy = connections.proxyTo(endpoint);
        return proxy == null
                ? endpoint.toString()
                : endpoint + " through the proxy " + proxy.getHostString() + ":" + proxy.getPort();
    }

    @Override
    public Finding look() {
        HttpURLConnection connection = connections.createConnection(endpoint);
        try {
            connection.setRequestMethod("HEAD");
            connection.setInstanceFollowRedirects(false);
            connection.connect();
            String issuer = issuerOf(connection); // not told any more once the answer is there
            int status = connection.getResponseCode();
            return Finding.ok(way() + " answers (" + status + "), its certificate is by " + issuer);
        } catch (IOException e) {
            return failed(e);
        } finally {
            connection.disconnect();
        }
    }

    private static String issuerOf(HttpURLConnection connection) {
        try {
            Certificate[] shown = ((HttpsURLConnection) connection).getServerCertificates();
            return PeerText.cut(
                    ((X509Certificate) shown[0]).getIssuerX500Principal().getName(), 80);
        } catch (SSLPeerUnverifiedException e) {
            return "nobody";
        }
    }

    private Finding failed(IOException e) {
        RefusedCertificateException refused = RefusedCertificateException.in(e);
        if (refused != null) {
            return Finding.fail(
                    refused.sentence(way(), trust.file()),
                    refused.nextAction("the service", "the settings", trust.file()));
        }
        String text = way() + ": " + PeerText.line(e.getMessage() == null ? e.toString() : e.getMessage());
        return switch (e) {
            case UnknownHostException _ ->
                Finding.fail(
                        "DNS does not know the host of " + way(),
                        "Check the region and the endpoint that is set, and that port 53 is open to the resolver.");
            case SocketTimeoutException _ ->
                Finding.fail(
                        "no answer in time from " + text,
                        "Open TCP 443 outbound in security groups, network ACLs, routes and firewalls, or set the proxy.");
            case SSLException _ ->
                Finding.fail(
                        "no TLS with " + text, "Look whether it is a port of HTTPS, and what on the way opens TLS.");
            default ->
                Finding.fail(
                        "cannot reach " + text,
                        "Check the routes of the subnet and its gateway or VPC endpoint, or set the proxy if there is one.");
        };
    }
}
