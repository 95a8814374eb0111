# Gatehouse in a container: one static binary, and what it cannot carry inside
# itself (authorities, a user, a folder for temporary files). Time zones are in
# the binary. `make image` builds it.
FROM --platform=$BUILDPLATFORM golang:1.27 AS build
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=unknown
ENV CGO_ENABLED=0 GOTOOLCHAIN=auto
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$VERSION" -o /gatehouse ./cmd/gatehouse
RUN mkdir -p /root-of-image/etc/ssl/certs /root-of-image/data \
 && install -d -m 1777 /root-of-image/tmp \
 && cp /etc/ssl/certs/ca-certificates.crt /root-of-image/etc/ssl/certs/ \
 && echo 'gatehouse:x:65532:65532::/data:/gatehouse' >/root-of-image/etc/passwd \
 && echo 'gatehouse:x:65532:' >/root-of-image/etc/group \
 && chown 65532:65532 /root-of-image/data

FROM scratch
COPY --from=build /root-of-image/ /
COPY --from=build /gatehouse /gatehouse
USER 65532:65532
ENV TMPDIR=/tmp HOME=/data
# gatehouse.yaml, with contracts and mappings, is mounted here. The root may be
# read-only: only SQLite writes, into /data, and what is temporary into /tmp.
WORKDIR /etc/gatehouse
VOLUME /data
EXPOSE 8443 8444
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/gatehouse", "check", "--live"]
ENTRYPOINT ["/gatehouse"]
CMD ["serve", "--log-format", "json"]
