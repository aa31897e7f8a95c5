//! Flow records: the columns that collectors write, and what is refused and where.

use seglab_formats::File;
use seglab_formats::flow_records::{FlowRecord, read};
use seglab_policy::{Header, Transport};

fn file(text: &str) -> File {
    File { path: "flows.csv".to_owned(), text: text.to_owned() }
}

fn refused(text: &str) -> String {
    let rejected = read(&file(text)).unwrap_err();
    let error = rejected.errors().next().unwrap();
    let place = error.span.map_or_else(String::new, |span| format!("{}:{}: ", span.line, span.column));
    format!("{place}{}; {}", error.message, error.help.as_deref().unwrap_or_default())
}

#[test]
fn columns_go_by_the_names_that_collectors_give_them() {
    let wanted = FlowRecord {
        source: [10, 0, 0, 1].into(),
        destination: [10, 0, 0, 2].into(),
        header: Header::Transport { protocol: Transport::Tcp, source_port: 50000, destination_port: 443 },
    };
    for text in [
        "srcaddr,dstaddr,srcport,dstport,protocol,bytes\n10.0.0.1,10.0.0.2,50000,443,6,77\n",
        "version,sourceIPv4Address,destinationIPv4Address,protocolIdentifier,sourceTransportPort,destinationTransportPort\n\
         10,10.0.0.1,10.0.0.2,6,50000,443\n",
        "ts,id.orig_h,id.orig_p,id.resp_h,id.resp_p,proto\n0.1,10.0.0.1,50000,10.0.0.2,443,tcp\n",
        "ts,te,sa,da,sp,dp,pr\n2026,2026,10.0.0.1,10.0.0.2,50000,443,TCP\n",
        "Source IP, Destination IP, Source Port, Destination Port, Protocol\n# a comment\n10.0.0.1, 10.0.0.2, 50000, 443, tcp\n",
    ] {
        assert_eq!(read(&file(text)).unwrap(), [wanted], "{text}");
    }
    let ping =
        read(&file("src,dst,proto,dport\n10.0.0.1,10.0.0.2,icmp,\nfd00::1,fd00::2,58,-\n10.0.0.1,10.0.0.2,50,\n"));
    let headers: Vec<Header> = ping.unwrap().iter().map(|flow| flow.header).collect();
    let echo = |kind| Header::Icmp { kind, code: 0 };
    assert_eq!(headers, [echo(8), echo(128), Header::Other(50)]);
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let head = "src,dst,proto,dport\n";
    assert_eq!(
        refused("source,port\n"),
        "1:1: the column `dstaddr` is missing among `source`, `port`; name in the first line `srcaddr`, `dstaddr`, \
         `protocol`, `srcport` and `dstport`"
    );
    assert_eq!(
        refused(&format!("{head}10.0.0.1,10.0.0.2,tcp,80\n10.0.0.1, 10.0.0,tcp,80\n")),
        "3:11: `10.0.0` is not an address; write an IPv4 or IPv6 address"
    );
    assert_eq!(
        refused(&format!("{head}10.0.0.1,10.0.0.2,tpc,80\n")),
        "2:19: `tpc` is not a protocol; write `tcp`, `udp`, `sctp`, `icmp` or a number from 0 to 255"
    );
    assert_eq!(
        refused(&format!("{head}10.0.0.1,10.0.0.2,udp,65536\n")),
        "2:23: `65536` is not a port; write a number from 0 to 65535"
    );
    assert_eq!(
        refused(&format!("{head}10.0.0.1,10.0.0.2,udp,\n")),
        "2:23: the connection has no destination port; add it in a column `dstport`"
    );
    assert_eq!(
        refused(&format!("{head}10.0.0.1,fd00::1,udp,53\n")),
        "2:10: `fd00::1` is not of the family of `10.0.0.1`; a connection has one IP family"
    );
    assert_eq!(
        refused(&format!("{head}10.0.0.1,10.0.0.2,udp\n")),
        "2:1: the line has 3 of 4 cells; give every line as many cells as the first"
    );
    assert_eq!(
        refused(head),
        "there are no flows in the file; write a connection a line: `10.0.0.1,10.0.0.2,tcp,50000,443`"
    );
    let many = format!("{head}{}", "x,y,z,0\n".repeat(500));
    assert_eq!(read(&file(&many)).unwrap_err().errors().count(), 100);
}
