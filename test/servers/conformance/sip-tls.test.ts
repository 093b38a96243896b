import './kit/emitters.ts';
import { sipFixture } from './kit/sip-fixture.ts';
import { conformance } from './suite.ts';

conformance('SIP over TLS', sipFixture('tls'));
