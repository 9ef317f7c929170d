# One image for every service: the program to run is the command.
FROM node:22-bookworm-slim AS dashboard
WORKDIR /build/frontend
COPY frontend/package.json frontend/package-lock.json frontend/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY schemas/graphql /build/schemas/graphql
COPY docs/runbook /build/docs/runbook
COPY frontend ./
RUN npm run build

FROM rust:1.95-bookworm AS programs
WORKDIR /build
COPY . .
RUN cargo build --locked --release \
    --package derms-bridge --package derms-processor --package derms-api \
    --package derms-sim --package derms-agent

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates curl libssl3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 derms
COPY --from=programs /build/target/release/derms-bridge /build/target/release/derms-processor \
    /build/target/release/derms-api /build/target/release/derms-sim /build/target/release/derms-agent \
    /usr/local/bin/
COPY --from=dashboard /build/frontend/dist /usr/share/derms/dashboard
ENV DERMS_DASHBOARD_DIR=/usr/share/derms/dashboard
USER derms
