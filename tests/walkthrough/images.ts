import { BUSYBOX_ARCHIVE, type HostInABox } from '../box/index.js';

/** Where the text has tomcat: busybox with its web server on port 8080 and no page, so that it answers 404. */
export async function importTomcat(box: HostInABox): Promise<void> {
  const command = 'CMD ["httpd", "-f", "-p", "8080", "-h", "/var/www"]';
  await box.berth(
    'image',
    'import',
    '--change',
    command,
    '--change',
    'EXPOSE 8080',
    BUSYBOX_ARCHIVE,
    'tomcat:latest',
  );
}
