package org.replicationserver.fuzz;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Headers and body of an answer, from bytes of an input: lines {@code Name: value} up to the first NUL, then the body. Without a NUL all
 * is body. What an HTTP client would not hand on is left out: a header without a name, control characters in one. Immutable.
 */
public final class HttpMessage {
    private final Map<String, List<String>> headers;
    private final byte[] body;

    private HttpMessage(Map<String, List<String>> headers, byte[] body) {
        this.headers = headers;
        this.body = body;
    }

    /** By name, each with its values in their order. */
    public Map<String, List<String>> headers() {
        return headers;
    }

    /** All that came. */
    public byte[] body() {
        return body.clone();
    }

    /** Reads the bytes of an input from there on. */
    public static HttpMessage of(byte[] input, int from) {
        int end = from;
        while (end < input.length && input[end] != 0) {
            end++;
        }
        if (end == input.length) {
            return new HttpMessage(Map.of(), Arrays.copyOfRange(input, from, end));
        }
        String head = new String(input, from, end - from, StandardCharsets.ISO_8859_1);
        Map<String, List<String>> headers = head.lines()
                .map(line -> line.split(": ?", 2))
                .filter(header -> header.length == 2 && header[0].matches("[!-9;-~]+"))
                .filter(header -> header[1].chars().noneMatch(c -> (c < ' ' && c != '\t') || c == 0x7f))
                .collect(Collectors.groupingBy(
                        header -> header[0],
                        TreeMap::new,
                        Collectors.mapping(header -> header[1].strip(), Collectors.toList())));
        return new HttpMessage(headers, Arrays.copyOfRange(input, end + 1, input.length));
    }
}
