using System.Runtime.InteropServices;
using AdaptFormer.Inference;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace AdaptFormer.Serving;

/// <summary>The Open Inference Protocol, version 2, over gRPC; a task is a model of it.</summary>
internal sealed class GrpcInference(TaskBank bank, Access access, ServerMetrics metrics, ServerState state)
    : GRPCInferenceService.GRPCInferenceServiceBase
{
    public override Task<ServerLiveResponse> ServerLive(ServerLiveRequest request, ServerCallContext context) =>
        Task.FromResult(new ServerLiveResponse { Live = true });

    public override Task<ServerReadyResponse> ServerReady(ServerReadyRequest request, ServerCallContext context) =>
        Task.FromResult(new ServerReadyResponse { Ready = state.IsReady });

    public override Task<ServerMetadataResponse> ServerMetadata(ServerMetadataRequest request, ServerCallContext context)
    {
        ServerMetadata server = ProtocolEndpoints.Server;
        ServerMetadataResponse response = new() { Name = server.Name, Version = server.Version };
        response.Extensions.AddRange(server.Extensions);
        return Task.FromResult(response);
    }

    public override Task<ModelReadyResponse> ModelReady(ModelReadyRequest request, ServerCallContext context) => Told(() =>
    {
        access.Require(context.GetHttpContext(), request.Name);
        ProtocolEndpoints.MetadataOf(bank, request.Name);
        return Task.FromResult(new ModelReadyResponse { Ready = state.IsReady });
    });

    public override Task<ModelMetadataResponse> ModelMetadata(ModelMetadataRequest request, ServerCallContext context) => Told(() =>
    {
        access.Require(context.GetHttpContext(), request.Name);
        ModelMetadata model = ProtocolEndpoints.MetadataOf(bank, request.Name);
        ModelMetadataResponse response = new() { Name = model.Name, Platform = model.Platform };
        response.Versions.AddRange(model.Versions);
        response.Inputs.AddRange(model.Inputs.Select(Tensor));
        response.Outputs.AddRange(model.Outputs.Select(Tensor));
        return Task.FromResult(response);
    });

    public override Task<ModelInferResponse> ModelInfer(ModelInferRequest request, ServerCallContext context) => Told(async () =>
    {
        string task = request.ModelName;
        access.Require(context.GetHttpContext(), task);
        ModelMetadata model = ProtocolEndpoints.MetadataOf(bank, task);
        IReadOnlyList<string> outputs = Inquiry.Chosen([.. request.Outputs.Select(output => output.Name)]);
        TaskAnswer[] answers = await Inquiry.AskAsync(bank, task, [.. Inputs(request)], context.CancellationToken).ConfigureAwait(false);
        metrics.Count(task, StatusCodes.Status200OK, answers.Length);
        ModelInferResponse response = new() { ModelName = task, ModelVersion = model.Versions[0], Id = request.Id };
        bool raw = request.RawInputContents.Count > 0;
        foreach (string name in outputs)
        {
            ModelInferResponse.Types.InferOutputTensor output = new() { Name = name, Datatype = Inquiry.TypeOf(name) };
            output.Shape.AddRange(Inquiry.ShapeOf(name, answers));
            if (raw)
            {
                response.RawOutputContents.Add(ByteString.CopyFrom(InferBody.Bytes(name, answers)));
            }
            else
            {
                output.Contents = new InferTensorContents();
                if (name == Inquiry.Label) output.Contents.BytesContents.AddRange(Inquiry.Labels(answers).Select(ByteString.CopyFromUtf8));
                else output.Contents.Fp32Contents.AddRange(Inquiry.Numbers(name, answers));
            }

            response.Outputs.Add(output);
        }

        return response;
    });

    private IEnumerable<VisualInput> Inputs(ModelInferRequest request)
    {
        bool raw = request.RawInputContents.Count > 0;
        if (request.Inputs.Count == 0) throw new ArgumentException("The request needs inputs.");
        if (raw && request.RawInputContents.Count != request.Inputs.Count)
            throw new ArgumentException(
                $"{request.RawInputContents.Count} raw contents stand beside {request.Inputs.Count} inputs; one each is expected.");
        for (int i = 0; i < request.Inputs.Count; i++)
        {
            ModelInferRequest.Types.InferInputTensor input = request.Inputs[i];
            int count = Inquiry.Count(bank, input.Name, input.Datatype, [.. input.Shape]);
            if (raw)
            {
                foreach (VisualInput one in InferBody.Raw(bank, input.Datatype, request.RawInputContents[i].Memory, count))
                    yield return one;
            }
            else if (input.Datatype == "BYTES")
            {
                IList<ByteString> elements = input.Contents?.BytesContents ?? [];
                if (elements.Count != count)
                    throw new ArgumentException($"The input holds {elements.Count} elements; its shape says {count}.");
                for (int k = 0; k < count; k++) yield return VisualInput.Bytes(elements[k].Memory, $"image {k}");
            }
            else
            {
                foreach (VisualInput one in Inquiry.Split(bank, [.. input.Contents?.Fp32Contents ?? []], count)) yield return one;
            }
        }
    }

    private static ModelMetadataResponse.Types.TensorMetadata Tensor(TensorMetadata tensor)
    {
        ModelMetadataResponse.Types.TensorMetadata response = new() { Name = tensor.Name, Datatype = tensor.Datatype };
        response.Shape.AddRange(tensor.Shape);
        return response;
    }

    private static async Task<T> Told<T>(Func<Task<T>> answer)
    {
        try
        {
            return await answer().ConfigureAwait(false);
        }
        catch (Exception error) when (error is not (RpcException or OperationCanceledException))
        {
            throw Problems.ToRpc(error);
        }
    }
}

/// <summary>Whether the server takes questions.</summary>
internal sealed class ServerState
{
    private volatile bool _ready;

    public bool IsReady
    {
        get => _ready;
        set => _ready = value;
    }
}
