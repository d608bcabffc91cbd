-- wrk -s tasks.lua URL -- PICTURE TASK TASK ...: posts the picture to tasks at random.
local body, tasks = nil, {}

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  body = file:read("*a")
  file:close()
  for i = 2, #arguments do tasks[#tasks + 1] = arguments[i] end
  math.randomseed(os.time())
end

function request()
  return wrk.format("POST", "/models/" .. tasks[math.random(#tasks)], { ["Content-Type"] = "application/octet-stream" }, body)
end

function response(status)
  if status ~= 200 then io.stderr:write("status ", status, "\n") end
end
