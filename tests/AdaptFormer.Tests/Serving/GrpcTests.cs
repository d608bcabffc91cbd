using System.Runtime.InteropServices;
using AdaptFormer.Inference;
using AdaptFormer.Tests.Inference.Bank;
using AdaptFormer.Tests.Support;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Xunit;

namespace AdaptFormer.Tests.Serving;

/// <summary>The Open Inference Protocol over gRPC.</summary>
public sealed class GrpcTests : IAsyncLifetime
{
    private RunningServer _server = null!;
    private GrpcChannel _channel = null!;
    private GRPCInferenceService.GRPCInferenceServiceClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await RunningServer.StartAsync();
        _channel = GrpcChannel.ForAddress(_server.GrpcAddress);
        _client = new GRPCInferenceService.GRPCInferenceServiceClient(_channel);
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task The_server_and_its_tasks_tell_what_they_are()
    {
        Assert.True((await _client.ServerLiveAsync(new ServerLiveRequest())).Live);
        Assert.True((await _client.ServerReadyAsync(new ServerReadyRequest())).Ready);
        Assert.Equal("adaptformer", (await _client.ServerMetadataAsync(new ServerMetadataRequest())).Name);
        Assert.True((await _client.ModelReadyAsync(new ModelReadyRequest { Name = "birds" })).Ready);
        ModelMetadataResponse model = await _client.ModelMetadataAsync(new ModelMetadataRequest { Name = "birds" });
        Assert.Equal([-1, 3, 16, 16], model.Inputs.Single(input => input.Name == "pixels").Shape);
        Assert.Equal([-1, 5], model.Outputs.Single(output => output.Name == "logits").Shape);
    }

    [Fact]
    public async Task Pictures_and_tensors_in_both_forms_get_the_answers_of_the_bank()
    {
        byte[] picture = BankFiles.Picture(4);
        float[] expected = _server.Bank.Ask(picture, "birds").Logits;
        ModelInferRequest typed = Request("birds", "image", "BYTES", 1);
        typed.Inputs[0].Contents = new InferTensorContents { BytesContents = { ByteString.CopyFrom(picture) } };
        ModelInferResponse answer = await _client.ModelInferAsync(typed);
        ParityCase.AssertClose("typed", expected, [.. answer.Outputs.Single(output => output.Name == "logits").Contents.Fp32Contents], 1e-6);
        Assert.Equal("9", answer.Id);

        ModelInferRequest raw = Request("birds", "image", "BYTES", 1);
        raw.RawInputContents.Add(ByteString.CopyFrom([.. BitConverter.GetBytes(picture.Length), .. picture]));
        raw.Outputs.Add(new ModelInferRequest.Types.InferRequestedOutputTensor { Name = "logits" });
        ModelInferResponse bytes = await _client.ModelInferAsync(raw);
        ParityCase.AssertClose("raw", expected, MemoryMarshal.Cast<byte, float>(Assert.Single(bytes.RawOutputContents).Span).ToArray(), 1e-6);

        float[] tensor = [.. Enumerable.Range(0, 2 * 768).Select(i => MathF.Cos(i))];
        ModelInferRequest pixels = Request("flowers", "pixels", "FP32", 2, 3, 16, 16);
        pixels.RawInputContents.Add(ByteString.CopyFrom(MemoryMarshal.AsBytes(tensor.AsSpan())));
        ModelInferResponse two = await _client.ModelInferAsync(pixels);
        float[] logits = MemoryMarshal.Cast<byte, float>(two.RawOutputContents[1].Span).ToArray();
        ParityCase.AssertClose("second", _server.Bank.Ask(VisualInput.Tensor(tensor.AsMemory(768)), "flowers").Logits, logits[4..], 1e-6);
    }

    [Fact]
    public async Task What_cannot_be_answered_gets_its_code_and_the_reason()
    {
        await Fails(Request("cats", "image", "BYTES", 1), StatusCode.NotFound, "no task 'cats'");
        await Fails(new ModelInferRequest { ModelName = "birds" }, StatusCode.InvalidArgument, "needs inputs");
        await Fails(Request("birds", "image", "BYTES", 1), StatusCode.InvalidArgument, "0 elements");
        await Fails(Request("birds", "pixels", "FP32", 1, 2), StatusCode.InvalidArgument, "[N, 3, 16, 16]");
        ModelInferRequest cut = Request("birds", "image", "BYTES", 1);
        cut.RawInputContents.Add(ByteString.CopyFrom(9, 0, 0, 0, 1));
        await Fails(cut, StatusCode.InvalidArgument, "longer than what is left");
        ModelInferRequest odd = Request("birds", "pixels", "FP32", 1, 3, 16, 16);
        odd.RawInputContents.Add(ByteString.CopyFrom(1, 2, 3));
        await Fails(odd, StatusCode.InvalidArgument, "no whole number");
        ModelInferRequest damaged = Request("birds", "image", "BYTES", 1);
        damaged.Inputs[0].Contents = new InferTensorContents { BytesContents = { ByteString.CopyFromUtf8("no picture") } };
        await Fails(damaged, StatusCode.InvalidArgument, "image 0");
        ModelInferRequest large = Request("birds", "image", "BYTES", 1);
        large.RawInputContents.Add(ByteString.CopyFrom(new byte[11 << 20]));
        Assert.Equal(StatusCode.ResourceExhausted, (await Assert.ThrowsAsync<RpcException>(async () => await _client.ModelInferAsync(large))).StatusCode);
        Assert.True((await _client.ModelReadyAsync(new ModelReadyRequest { Name = "birds" })).Ready);

        async Task Fails(ModelInferRequest request, StatusCode code, string reason)
        {
            RpcException error = await Assert.ThrowsAsync<RpcException>(async () => await _client.ModelInferAsync(request));
            Assert.Equal(code, error.StatusCode);
            Assert.Contains(reason, error.Status.Detail);
        }
    }

    private static ModelInferRequest Request(string task, string input, string datatype, params long[] shape)
    {
        ModelInferRequest.Types.InferInputTensor tensor = new() { Name = input, Datatype = datatype };
        tensor.Shape.AddRange(shape);
        return new ModelInferRequest { ModelName = task, Id = "9", Inputs = { tensor } };
    }
}
