package org.replicationserver.receiver.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vertx.core.json.JsonObject;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.replicationserver.receiver.session.BandwidthSchedule;

final class BandwidthJsonTest {
    private static final String OFFICE = """
            {"bandwidthThrottling": 0, "timeZone": "Europe/Berlin", "schedule": [
              {"days": ["MONDAY", "FRIDAY"], "from": "08:00", "to": "18:00", "bandwidthThrottling": 100},
              {"days": ["MONDAY"], "from": "17:00", "to": "20:00", "bandwidthThrottling": 200},
              {"days": ["MONDAY"], "from": "22:00", "to": "06:00", "bandwidthThrottling": 300},
              {"days": ["SUNDAY"], "from": "00:00", "to": "00:00", "bandwidthThrottling": 400}]}
            """;

    private static BandwidthSchedule read(String json) throws MalformedException {
        return BandwidthJson.read(JsonMembers.of(new JsonObject(json)));
    }

    @Test
    void whatIsReadIsWrittenAlike() throws Exception {
        BandwidthSchedule bandwidth = read(OFFICE);
        assertThat(read(BandwidthJson.of(bandwidth).encode())).isEqualTo(bandwidth);
        assertThat(BandwidthJson.of(BandwidthSchedule.UNLIMITED).encode()).isEqualTo("{\"bandwidthThrottling\":0}");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{} | bandwidthThrottling is missing; allowed: an integer from 0 to 10000",
                "{'bandwidthThrottling':10001} | bandwidthThrottling=10001; allowed: an integer from 0 to 10000",
                "{'bandwidthThrottling':1.5} | bandwidthThrottling=1.5; allowed: an integer from 0 to 10000",
                "{'bandwidthThrottling':'1'} | bandwidthThrottling=1; allowed: an integer from 0 to 10000",
                "{'bandwidthThrottling':1,'timeZone':'UTC+1'} | timeZone=UTC+1; allowed: the name of an IANA time zone, as Europe/Berlin",
                "{'bandwidthThrottling':1,'schedule':{}} | schedule=(an object); allowed: a list of 0 to 16 elements",
                "{'bandwidthThrottling':1,'schedule':[7]} | schedule[0]=7; allowed: an object",
                "{'bandwidthThrottling':1,'schedule':[{'days':[],'from':'01:00','to':'02:00','bandwidthThrottling':1}]} | schedule[0].days=(a list of 0); allowed: a list of 1 to 7 elements",
                "{'bandwidthThrottling':1,'schedule':[{'days':['MONDAY','MONDAY'],'from':'01:00','to':'02:00','bandwidthThrottling':1}]} | schedule[0].days=(a list of 2); allowed: each of them once",
                "{'bandwidthThrottling':1,'schedule':[{'days':['MONDAY'],'from':'24:00','to':'02:00','bandwidthThrottling':1}]} | schedule[0].from=24:00; allowed: HH:MM from 00:00 to 23:59"
            })
    void mistakeIsNamedWithItsPlace(String json, String sentence) {
        assertThatThrownBy(() -> read(json.replace('\'', '"')))
                .isInstanceOf(MalformedException.class)
                .hasMessage(sentence);
    }
}
