/** What `berth ip help` says. */
export const ipHelp = `Usage: berth ip [ OPTIONS ] OBJECT { COMMAND | help }
where  OBJECT := { link | address | route | neigh | netns }
       OPTIONS := { -s[tatistics] | -j[son] | -p[retty] | -br[ief] | -o[neline] | -4 | -6 | -n[etns] NAME |
                    --container NAME | --explain }

  link     show [ DEVICE ] [ up ] [ master DEVICE ] [ nomaster ] [ type KIND ] [ group GROUP ]
           add [ name ] NAME [ address ] [ mtu ] [ master ] [ netns ] [ up ] type { veth | bridge | dummy }
           add [ NAME ] type veth [ peer [ name ] NAME [ netns NAME ] [ address ] [ mtu ] [ up ] ]
           set DEVICE [ name NAME ] [ up | down ] [ master DEVICE | nomaster ] [ netns NAME | PID ] [ address ADDRESS ]
               [ mtu NUMBER ] [ alias TEXT ] [ group GROUP ] [ txqueuelen NUMBER ]
           delete DEVICE
  address  show [ DEVICE ] [ up ] [ to PREFIX ] [ scope SCOPE ] [ dynamic | permanent | deprecated | ... ]
           add PREFIX dev DEVICE [ peer PREFIX ] [ brd { + | - | ADDRESS } ] [ label NAME ] [ scope SCOPE ]
               [ metric NUMBER ] [ valid_lft TIME ] [ preferred_lft TIME ] [ nodad ] [ noprefixroute ]
           delete PREFIX dev DEVICE
  route    show [ PREFIX ] [ dev DEVICE ] [ via ADDRESS ] [ table { TABLE | all } ] [ proto ] [ scope ] [ type ] [ src ]
           add [ TYPE ] PREFIX [ via ADDRESS ] [ dev DEVICE ] [ metric ] [ proto ] [ scope ] [ src ] [ table ] [ mtu ] [ onlink ]
           delete [ TYPE ] PREFIX [ ... ]
           get ADDRESS [ from ADDRESS ] [ oif DEVICE ] [ iif DEVICE ]
  neigh    show [ PREFIX ] [ dev DEVICE ] [ nud STATE ] [ proxy ]
  netns    list | add NAME | delete NAME | exec NAME CMD ... | identify [ PID ] | pids NAME

--container NAME looks into a container's network namespace with this host's eyes.
--explain, with link, address and route show, says under each field what it means here.
`;
