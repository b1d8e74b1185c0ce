package org.replicationserver.integration;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Set;
import javax.net.ssl.SSLContext;

/**
 * The S3 server as somebody sees it who may not list its buckets: S3 says then of a key that is not there that it is forbidden, which the
 * server has no setting for. All else passes as it is. For requests without a body.
 */
final class S3WithoutListing implements AutoCloseable {
    private static final String ADDRESS = "127.66.15.2";
    private static final Set<String> OF_THE_CONNECTION = Set.of("connection", "content-length", "transfer-encoding");
    private static final byte[] FORBIDDEN =
            "<Error><Code>AccessDenied</Code></Error>".getBytes(StandardCharsets.US_ASCII);

    private final SSLContext tls;
    private final HttpsServer front;
    private final Path hosts;

    /**
     * @param tls with the certificate of the S3 server, and trust in it
     * @param hosts what leads to the S3 server, as a hosts file
     */
    S3WithoutListing(SSLContext tls, Path hosts) throws IOException {
        this.tls = tls;
        this.hosts = Files.writeString(
                hosts.resolveSibling("hosts-without-listing"),
                Files.readString(hosts).replace(S3Server.ADDRESS, ADDRESS));
        this.front = HttpsServer.create(new InetSocketAddress(InetAddress.getByName(ADDRESS), 443), 0);
        front.setHttpsConfigurator(new HttpsConfigurator(tls));
        front.createContext("/", this::pass);
        front.start();
    }

    /** What leads the names of the buckets here. */
    Path hosts() {
        return hosts;
    }

    private void pass(HttpExchange exchange) throws IOException {
        try (exchange;
                Socket s3 = tls.getSocketFactory().createSocket(S3Server.ADDRESS, 443)) {
            StringBuilder head = new StringBuilder(
                    exchange.getRequestMethod() + " " + exchange.getRequestURI().getRawPath() + " HTTP/1.0\r\n");
            exchange.getRequestHeaders().forEach((name, values) -> {
                if (!isOfTheConnection(name)) {
                    values.forEach(value -> head.append(name + ": " + value + "\r\n"));
                }
            });
            s3.getOutputStream().write((head + "\r\n").getBytes(StandardCharsets.ISO_8859_1));
            answer(exchange, s3.getInputStream());
        }
    }

    private static boolean isOfTheConnection(String header) {
        return OF_THE_CONNECTION.contains(header.toLowerCase(Locale.ROOT));
    }

    private static void answer(HttpExchange exchange, InputStream in) throws IOException {
        int status = Integer.parseInt(line(in).split(" ", -1)[1]);
        for (String header = line(in); !header.isEmpty(); header = line(in)) {
            String[] parts = header.split(": ?", 2);
            if (!isOfTheConnection(parts[0])) {
                exchange.getResponseHeaders().add(parts[0], parts[1]);
            }
        }
        byte[] body = in.readAllBytes();
        boolean isMissing = status == 404 && new String(body, StandardCharsets.UTF_8).contains("<Code>NoSuchKey<");
        byte[] told = isMissing ? FORBIDDEN : body;
        exchange.sendResponseHeaders(isMissing ? 403 : status, told.length == 0 ? -1 : told.length);
        exchange.getResponseBody().write(told);
    }

    private static String line(InputStream in) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int next = in.read(); next >= 0 && next != '\n'; next = in.read()) {
            line.write(next);
        }
        return line.toString(StandardCharsets.ISO_8859_1).strip();
    }

    @Override
    public void close() {
        front.stop(0);
    }
}
